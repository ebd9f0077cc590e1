"""The nemesis: carries out a plan's faults, mends each when its time is over, and everything at the heal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, assert_never, final

from refjs.types.units import MICROSECOND, MILLISECOND
from sim.disk import Fate
from sim.history import History, Mark, Quieted
from sim.network import Network, Pair, Weather, between
from sim.plan import LEADER, BadWeather, Fault, Kill, Partition, Pause, Plan, PowerFailure
from sim.server import Life
from sim.world import Action, World


class Host(Protocol):
    """What the nemesis may do to a server."""

    @property
    def name(self) -> str:
        """The server's name."""

    @property
    def life(self) -> Life:
        """What the server is doing."""

    def start(self) -> None:
        """Start it where it is down."""

    def kill(self) -> None:
        """End its process."""

    def fail_power(self, fate: Fate, /) -> int:
        """Take its power away."""

    def pause(self) -> None:
        """Stop its process."""

    def resume(self) -> None:
        """Let its process go on."""


class Deployment(Protocol):
    """What is under attack: servers, clients, and who leads."""

    @property
    def hosts(self) -> Sequence[Host]:
        """The servers, in the order of their names."""

    @property
    def clients(self) -> Sequence[str]:
        """The endpoints of the clients."""

    def leader(self) -> str | None:
        """Return the server that leads the group under load, as far as a living server says so."""


@final
@dataclass(slots=True)
class _Cut:
    """A partition in force."""

    pairs: list[Pair]
    isolated: list[str]


@final
class Nemesis:
    """Turns a plan into actions of the world, and marks each in the history."""

    __slots__ = ("_calm", "_cuts", "_deployment", "_history", "_hosts", "_network", "_world")

    def __init__(self, world: World, network: Network, history: History, deployment: Deployment) -> None:
        self._world = world
        self._network = network
        self._history = history
        self._deployment = deployment
        self._hosts = {host.name: host for host in deployment.hosts}
        self._calm: Weather = network.weather
        self._cuts: list[_Cut] = []

    def follow(self, plan: Plan) -> None:
        """Schedule every fault of the plan, and the heal."""
        for fault in plan.faults:
            self._world.at(fault.at_ms * MILLISECOND, partial(self._strike, fault))
        self._world.at(plan.heal_ms * MILLISECOND, self._quiet)

    def _strike(self, fault: Fault) -> None:
        match fault:
            case Kill():
                self._kill(fault)
            case PowerFailure():
                self._fail_power(fault)
            case Pause():
                self._pause(fault)
            case Partition():
                self._part(fault)
            case BadWeather():
                self._storm(fault)
            case _:
                assert_never(fault)

    def _kill(self, fault: Kill) -> None:
        for host in self._resolve([fault.target]):
            if host.life is not Life.DOWN:
                self._history.mark(Mark.KILLED, host.name)
                host.kill()
                self._later(fault, partial(self._start, host))

    def _fail_power(self, fault: PowerFailure) -> None:
        for host in self._resolve(fault.targets):
            if host.life is not Life.DOWN:
                lost = host.fail_power(fault.fate)
                self._history.mark(Mark.POWER_FAILED, host.name, detail=f"{lost} writes lost")
                self._later(fault, partial(self._start, host))

    def _pause(self, fault: Pause) -> None:
        for host in self._resolve([fault.target]):
            if host.life is Life.RUNNING:
                self._history.mark(Mark.PAUSED, host.name)
                host.pause()
                self._later(fault, partial(self._resume, host))

    def _part(self, fault: Partition) -> None:
        isolated = [host.name for host in self._resolve(fault.isolated)]
        others = [name for name in self._hosts if name not in isolated]
        if fault.clients:
            others += self._deployment.clients
        pairs = ([] if fault.heard else between(isolated, others)) + ([] if fault.hears else between(others, isolated))
        self._network.cut(pairs)
        cut = _Cut(pairs, isolated)
        self._cuts.append(cut)
        for name in isolated:
            self._history.mark(Mark.CUT, name, detail=f"{len(pairs)} links")
        self._later(fault, partial(self._mend, cut))

    def _storm(self, fault: BadWeather) -> None:
        self._network.change(
            loss_ppm=fault.loss_ppm, duplicate_ppm=fault.duplicate_ppm, jitter_ns=fault.jitter_us * MICROSECOND
        )
        self._history.mark(Mark.WEATHER, detail=f"{fault.loss_ppm // 10_000} % lost")
        self._later(fault, self._clear)

    def _quiet(self) -> None:
        """Mend everything that is still broken: the second phase begins."""
        for host in self._hosts.values():
            self._start(host)
            self._resume(host)
        for cut in self._cuts.copy():
            self._mend(cut)
        self._clear()
        self._history.add(Quieted(self._world.now))

    def _start(self, host: Host) -> None:
        if host.life is Life.DOWN:
            self._history.mark(Mark.STARTED, host.name)
            host.start()

    def _resume(self, host: Host) -> None:
        if host.life is Life.PAUSED:
            self._history.mark(Mark.RESUMED, host.name)
            host.resume()

    def _mend(self, cut: _Cut) -> None:
        if cut in self._cuts:
            self._cuts.remove(cut)
            self._network.heal(cut.pairs)
            for name in cut.isolated:
                self._history.mark(Mark.HEALED, name)

    def _clear(self) -> None:
        if self._network.weather != self._calm:
            self._network.weather = self._calm
            self._history.mark(Mark.CLEARED)

    def _later(self, fault: Fault, action: Action) -> None:
        self._world.after(fault.lasting_ms * MILLISECOND, action)

    def _resolve(self, targets: Iterable[str]) -> list[Host]:
        """Return the servers that ``targets`` name, each once, in the order of their names."""
        names = {self._leader() if target == LEADER else target for target in targets}
        return [host for name, host in self._hosts.items() if name in names]

    def _leader(self) -> str | None:
        up = (host.name for host in self._hosts.values() if host.life is not Life.DOWN)
        return self._deployment.leader() or next(up, None)
