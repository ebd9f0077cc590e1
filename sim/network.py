"""The simulated network: directed links with latency, jitter, loss, duplication and cuts.

Endpoints are the nodes of a networkx topology whose edges carry ``latency_ns``; the base latency between two endpoints
is the shortest path's sum, computed once.  A *packet* takes its chances: it may be lost, doubled, or overtaken by a
later one, as its jitter falls.  A *pipe* (one direction of a TCP connection) loses and reorders nothing: what the link
loses is sent again later, what a cut holds up arrives after the heal.  What is under way when a link is cut still
arrives.

A cut is a set of directed links, so partitions need not be symmetric nor transitive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import Final, TypeAlias, final

import networkx as nx

from refjs.types.units import MICROSECOND, MILLISECOND, Nanos
from sim.world import World

Deliver: TypeAlias = Callable[[], None]
Pair: TypeAlias = tuple[str, str]
"""A directed link: (source, target)."""

MILLION: Final = 1_000_000
RETRANSMIT_NS: Final = 200 * MILLISECOND
"""How long TCP waits before it sends a lost segment again; it doubles with each loss in a row."""


@final
@dataclass(frozen=True, slots=True)
class Weather:
    """What the links do to packets; ratios in parts per million."""

    jitter_ns: Nanos = 100 * MICROSECOND
    loss_ppm: int = 0
    duplicate_ppm: int = 0
    fifo: bool = False
    """Packets of one link keep their order."""


def full_mesh(servers: Iterable[str], clients: Iterable[str], latency_ns: Nanos) -> nx.Graph[str]:
    """Return the usual topology: every endpoint is linked to every other with the same one-way latency."""
    graph: nx.Graph[str] = nx.Graph()
    graph.add_edges_from(combinations([*servers, *clients], 2), latency_ns=latency_ns)
    return graph


@final
class Network:
    """Carries packets and pipes between the endpoints of a topology."""

    __slots__ = ("_cuts", "_held", "_last_arrival", "_latency_ns", "_rng", "_world", "carried", "lost", "weather")

    def __init__(self, world: World, topology: nx.Graph[str], weather: Weather) -> None:
        self.weather = weather
        self.carried = 0
        self.lost = 0
        self._world = world
        self._rng = world.stream("network")
        self._latency_ns = _latencies(topology)
        self._cuts: dict[Pair, int] = {}
        self._last_arrival: dict[Pair, Nanos] = {}
        self._held: dict[Pair, list[Callable[[], None]]] = {}

    def connected(self, source: str, target: str) -> bool:
        """Tell whether packets from ``source`` may reach ``target`` now."""
        return (source, target) not in self._cuts

    def cut(self, pairs: Iterable[Pair]) -> None:
        """Cut directed links; a link that is cut twice is open again after two heals."""
        for pair in pairs:
            self._cuts[pair] = self._cuts.get(pair, 0) + 1

    def heal(self, pairs: Iterable[Pair]) -> None:
        """Undo one cut of each of ``pairs`` and let go what pipes held back."""
        for pair in pairs:
            cuts = self._cuts.pop(pair, 0) - 1
            if cuts > 0:
                self._cuts[pair] = cuts
                continue
            for resume in self._held.pop(pair, []):
                self._world.after(RETRANSMIT_NS, resume)

    def send(self, source: str, target: str, deliver: Deliver) -> None:
        """Send one packet; ``deliver`` is called when it arrives: once, twice or never."""
        weather = self.weather
        self.carried += 1
        if (source, target) in self._cuts or self._falls(weather.loss_ppm):
            self.lost += 1
            return
        self._world.after(self._delay((source, target)), deliver)
        if self._falls(weather.duplicate_ppm):
            self._world.after(self._delay((source, target)), deliver)

    def pipe(self, source: str, target: str) -> Pipe:
        """Open one direction of a connection."""
        return Pipe(self, self._world, (source, target))

    def change(self, *, loss_ppm: int, duplicate_ppm: int, jitter_ns: Nanos) -> None:
        """Let the weather of every link turn; order is kept where it was kept."""
        self.weather = replace(self.weather, loss_ppm=loss_ppm, duplicate_ppm=duplicate_ppm, jitter_ns=jitter_ns)

    def flight_ns(self, pair: Pair) -> Nanos:
        """Draw how long something takes over the link."""
        return self._latency_ns[pair] + self._rng.below(self.weather.jitter_ns + 1)

    def retransmission_ns(self) -> Nanos:
        """Draw how much later a segment arrives because its first copies were lost."""
        delay, wait = 0, RETRANSMIT_NS
        while self._falls(self.weather.loss_ppm):
            delay += wait
            wait *= 2
        return delay

    def hold(self, pair: Pair, resume: Callable[[], None]) -> None:
        """Call ``resume`` after the link, which is cut, has healed."""
        self._held.setdefault(pair, []).append(resume)

    def _delay(self, pair: Pair) -> Nanos:
        delay = self.flight_ns(pair)
        if self.weather.fifo:
            arrival = max(self._world.now + delay, self._last_arrival.get(pair, 0))
            self._last_arrival[pair] = arrival
            delay = arrival - self._world.now
        return delay

    def _falls(self, ppm: int) -> bool:
        return ppm > 0 and self._rng.below(MILLION) < ppm


@final
class Pipe:
    """One direction of a TCP connection: what is written arrives, once and in order, unless the pipe is broken."""

    __slots__ = ("_last_arrival", "_network", "_pair", "_waiting", "_world", "broken")

    def __init__(self, network: Network, world: World, pair: Pair) -> None:
        self.broken = False
        self._network = network
        self._world = world
        self._pair = pair
        self._last_arrival: Nanos = 0
        self._waiting: list[Deliver] = []

    def send(self, deliver: Deliver) -> None:
        """Call ``deliver`` when this segment and all before it have arrived."""
        self._network.carried += 1
        if self._waiting or not self._network.connected(*self._pair):
            if not self._waiting:
                self._network.hold(self._pair, self._resume)
            self._waiting.append(deliver)
            return
        self._launch(deliver)

    def break_off(self) -> None:
        """Let nothing more arrive."""
        self.broken = True
        self._waiting = []

    def _launch(self, deliver: Deliver) -> None:
        now = self._world.now
        arrival = now + self._network.flight_ns(self._pair) + self._network.retransmission_ns()
        self._last_arrival = max(arrival, self._last_arrival)
        self._world.after(self._last_arrival - now, lambda: None if self.broken else deliver())

    def _resume(self) -> None:
        if not self._network.connected(*self._pair):
            self._network.hold(self._pair, self._resume)
            return
        waiting, self._waiting = self._waiting, []
        for deliver in waiting:
            self._launch(deliver)


def between(left: Iterable[str], right: Iterable[str]) -> list[Pair]:
    """Return the directed links from each of ``left`` to each of ``right``, in order."""
    targets = list(right)
    return [(source, target) for source in left for target in targets if source != target]


def both_ways(left: Iterable[str], right: Iterable[str]) -> list[Pair]:
    """Return the directed links between ``left`` and ``right`` in both directions, in order."""
    one, other = list(left), list(right)
    return between(one, other) + between(other, one)


def _latencies(topology: nx.Graph[str]) -> dict[Pair, Nanos]:
    """Return the base latency of each ordered pair of endpoints: the shortest path's."""
    lengths = dict(nx.all_pairs_dijkstra_path_length(topology, weight="latency_ns"))
    return {pair: int(lengths[pair[0]][pair[1]]) for pair in permutations(sorted(topology.nodes), 2)}
