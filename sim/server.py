"""A simulated server: hosts one node of the core, and can be killed, lose power, pause and start again.

The node is asked for nothing but ``step`` and ``next_deadline``, as every embedder does (docs/decisions/0007).  SimPy
cannot cancel a timeout, so a wakeup carries the generation in which it was set and a stale one is ignored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum, unique
from typing import Generic, Protocol, TypeVar, final

from refjs.types.units import Nanos
from sim.clock import Clock
from sim.disk import Fate, SimDisk
from sim.world import World

Event_contra = TypeVar("Event_contra", contravariant=True)
Effect_co = TypeVar("Effect_co", covariant=True)
E = TypeVar("E")
F = TypeVar("F")


class Node(Protocol[Event_contra, Effect_co]):
    """What a server hosts: a state machine of the core, behind the two questions it answers."""

    def step(self, event: Event_contra, now: Nanos, /) -> Sequence[Effect_co]:
        """Take one event at ``now`` (ns since the Unix epoch, by the server's own clock); return what it asks for."""

    def next_deadline(self) -> Nanos | None:
        """Return when the node wants ``step`` with the deadline event, or None for never."""


class Machine(Protocol[E, F]):
    """How a kind of node is put on a server: started from its disk, and its effects carried out."""

    def boot(self, now: Nanos) -> Node[E, F]:
        """Start a node from what the server's disk holds."""

    def deadline(self) -> E:
        """Return the event that tells a node that its deadline has come."""

    def perform(self, effect: F) -> None:
        """Carry out one effect."""

    def stopped(self, *, power: bool) -> None:
        """Take notice that the process is gone: peers see its connections break, or, without power, see nothing."""


@unique
class Life(StrEnum):
    """What a server is doing."""

    RUNNING = "running"
    PAUSED = "paused"
    DOWN = "down"


@final
class Server(Generic[E, F]):
    """One server process on its own clock and disk."""

    __slots__ = (
        "_armed_at",
        "_generation",
        "_machine",
        "_stepped",
        "_waiting",
        "_wakeup",
        "_world",
        "clock",
        "disk",
        "life",
        "name",
        "node",
        "steps",
    )

    def __init__(self, world: World, name: str, *, clock: Clock, disk: SimDisk) -> None:
        self.name = name
        self.clock = clock
        self.disk = disk
        self.life = Life.DOWN
        self.node: Node[E, F] | None = None
        self.steps = 0
        self._world = world
        self._machine: Machine[E, F] | None = None
        self._stepped: Callable[[], None] | None = None
        self._generation = 0
        self._wakeup = 0
        self._armed_at: Nanos | None = None
        self._waiting: deque[E] = deque()

    def install(self, machine: Machine[E, F], *, stepped: Callable[[], None] | None = None) -> None:
        """Put the software on the server; ``stepped`` is called after each step, to watch the node."""
        self._machine = machine
        self._stepped = stepped

    def now(self) -> Nanos:
        """Return what the server's clock shows."""
        return self.clock.shows(self._world.now)

    def start(self) -> None:
        """Boot the node from the disk; nothing happens to a server that is up."""
        if self.life is not Life.DOWN:
            return
        assert self._machine is not None, "a server needs its software before it starts"
        self.life = Life.RUNNING
        self.node = self._machine.boot(self.now())
        self._arm()

    def receive(self, event: E) -> None:
        """Hand the node an event: at once, after the pause, or never, as the server's life is."""
        if self.life is Life.RUNNING:
            self._step(event)
        elif self.life is Life.PAUSED:
            self._waiting.append(event)

    def receiver(self, event: E) -> Callable[[], None]:
        """Return an action that hands over ``event`` if the process of now still lives then."""
        generation = self._generation

        def hand_over() -> None:
            if generation == self._generation:
                self.receive(event)

        return hand_over

    def kill(self) -> None:
        """End the process; what it wrote stays, for the operating system holds it."""
        self._stop(power=False)

    def fail_power(self, fate: Fate) -> int:
        """End the process and lose what was not synced; return how many writes were lost."""
        self._stop(power=True)
        return self.disk.fail_power(fate)

    def pause(self) -> None:
        """Stop the process as SIGSTOP does: what arrives waits."""
        if self.life is Life.RUNNING:
            self.life = Life.PAUSED

    def resume(self) -> None:
        """Let a paused process go on, with all that waited, in order."""
        if self.life is not Life.PAUSED:
            return
        self.life = Life.RUNNING
        while self._waiting and self.life is Life.RUNNING:
            self._step(self._waiting.popleft())
        self._arm()

    def _stop(self, *, power: bool) -> None:
        if self.life is Life.DOWN:
            return
        self.life = Life.DOWN
        self.node = None
        self._generation += 1
        self._armed_at = None
        self._waiting.clear()
        assert self._machine is not None
        self._machine.stopped(power=power)

    def _step(self, event: E) -> None:
        assert self.node is not None
        assert self._machine is not None
        self.steps += 1
        for effect in self.node.step(event, self.clock.shows(self._world.now)):
            self._machine.perform(effect)
        self._arm()
        if self._stepped is not None:
            self._stepped()

    def _arm(self) -> None:
        """See to it that the node is woken at its deadline; an earlier wakeup that is under way will do."""
        if self.node is None:
            return
        deadline = self.node.next_deadline()
        if deadline is None:
            return
        when = max(self._world.now, self.clock.when(deadline))
        if self._armed_at is not None and self._armed_at <= when:
            return
        self._armed_at = when
        self._wakeup += 1
        wakeup, generation = self._wakeup, self._generation
        self._world.at(when, lambda: self._wake(wakeup, generation))

    def _wake(self, wakeup: int, generation: int) -> None:
        if generation != self._generation or wakeup != self._wakeup:
            return
        self._armed_at = None
        if self.node is None or self.life is not Life.RUNNING:
            return
        deadline = self.node.next_deadline()
        assert self._machine is not None
        if deadline is not None and deadline <= self.now():
            self._step(self._machine.deadline())
        else:
            self._arm()
