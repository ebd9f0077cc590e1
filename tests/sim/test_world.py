"""The simulated world itself: its clock, network, disks and servers keep their own promises."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refjs.types.rng import Rng
from refjs.types.units import MILLISECOND, SECOND, Nanos
from sim.clock import Clock
from sim.disk import Fate, SimDisk
from sim.history import BadHistoryError, History, Mark, Outcome, load
from sim.network import Network, Weather, between, both_ways, full_mesh
from sim.server import Life, Server
from sim.world import EPOCH_NS, StuckError, World


class TestWorld:
    """Time and randomness."""

    def test_time_is_exact(self) -> None:
        """A hundred thousand delays of one nanosecond and one second end to the nanosecond."""
        world = World(1)
        for _ in range(100):
            world.run_until(world.now + SECOND + 1)

        assert world.now == 100 * (SECOND + 1)

    def test_what_is_due_at_the_end_has_not_happened(self) -> None:
        """Running until an instant leaves that instant's actions to the next run."""
        world, seen = World(1), list[Nanos]()
        world.at(5, lambda: seen.append(world.now))

        world.run_until(5)
        assert seen == []
        world.run_until(6)
        assert seen == [5]

    def test_a_circle_of_actions_is_found(self) -> None:
        """Actions that cause one another for ever at one instant end the run with an error instead of never."""
        world = World(1)

        def again() -> None:
            world.after(0, again)

        world.after(7, again)
        with pytest.raises(StuckError, match="time stands still at 7 ns"):
            world.run_until(SECOND)

    def test_streams_are_independent_and_repeatable(self) -> None:
        """A stream's numbers depend on the seed and its name, and on nothing drawn elsewhere."""
        world, again, other = World(7), World(7), World(8)
        world.stream("disk").next64()

        assert world.stream("network").next64() == again.stream("network").next64()
        assert world.stream("network").next64() != world.stream("disk").next64()
        assert world.stream("network").next64() != other.stream("network").next64()


class TestClock:
    """Offsets and drift."""

    @given(st.integers(-(10**12), 10**12), st.integers(-200_000, 200_000), st.integers(0, 10**15))
    def test_when_is_the_inverse_of_shows(self, offset: int, drift: int, simulated: int) -> None:
        """A clock shows a time first at the instant that ``when`` names, whatever its error."""
        clock = Clock(offset, drift)
        first = clock.when(clock.shows(simulated))

        assert clock.shows(first) >= clock.shows(simulated) > clock.shows(first - 1)

    def test_a_true_clock_starts_at_the_epoch(self) -> None:
        """A clock without error shows the epoch at the beginning."""
        assert Clock().shows(0) == EPOCH_NS


def network(weather: Weather | None = None, *, seed: int = 1) -> tuple[World, Network]:
    """Three endpoints, each a millisecond from the others."""
    world = World(seed)
    return world, Network(world, full_mesh(["a", "b"], ["c"], MILLISECOND), weather or Weather())


class TestNetwork:
    """Packets and pipes."""

    def test_a_packet_takes_latency_and_jitter(self) -> None:
        """A packet arrives after the base latency and at most the jitter more."""
        world, net = network(Weather(jitter_ns=1000))
        arrivals: list[Nanos] = []
        for _ in range(50):
            net.send("a", "b", lambda: arrivals.append(world.now))
        world.run_until(SECOND)

        assert len(arrivals) == 50
        assert MILLISECOND <= min(arrivals) < max(arrivals) <= MILLISECOND + 1000

    @pytest.mark.parametrize("fifo", [True, False])
    def test_jitter_reorders_unless_fifo(self, fifo: bool) -> None:  # noqa: FBT001 - a parameter of the test
        """Packets of one link overtake one another exactly where the link does not keep order."""
        world, net = network(Weather(jitter_ns=MILLISECOND, fifo=fifo))
        arrivals: list[int] = []
        for number in range(20):
            net.send("a", "b", partial(arrivals.append, number))
        world.run_until(SECOND)

        assert (arrivals == sorted(arrivals)) is fifo

    def test_loss_and_duplication_follow_their_ratios(self) -> None:
        """A link with 30 % loss and 50 % duplication delivers about 0.7 x 1.5 of its packets."""
        world, net = network(Weather(loss_ppm=300_000, duplicate_ppm=500_000))
        arrivals: list[int] = []
        for _ in range(2000):
            net.send("a", "b", lambda: arrivals.append(1))
        world.run_until(SECOND)

        assert 1900 < len(arrivals) < 2300

    def test_a_cut_is_directed_and_counted(self) -> None:
        """A cut stops one direction only, and a link cut twice needs two heals."""
        _, net = network()
        net.cut(between(["a"], ["b"]))
        net.cut(both_ways(["a"], ["b", "c"]))
        assert [net.connected(*pair) for pair in (("a", "b"), ("b", "a"), ("b", "c"))] == [False, False, True]

        net.heal(both_ways(["a"], ["b", "c"]))
        assert [net.connected(*pair) for pair in (("a", "b"), ("b", "a"))] == [False, True]

    @given(st.integers(0, 2**32), st.integers(0, 600_000))
    def test_a_pipe_keeps_order_and_loses_nothing(self, seed: int, loss_ppm: int) -> None:
        """Whatever the links lose and however they are cut, a pipe delivers everything once and in order."""
        world, net = network(Weather(jitter_ns=5 * MILLISECOND, loss_ppm=loss_ppm, duplicate_ppm=300_000), seed=seed)
        pipe, arrivals = net.pipe("a", "b"), list[int]()
        for number in range(30):
            world.at(number * MILLISECOND, partial(pipe.send, partial(arrivals.append, number)))
        world.at(10 * MILLISECOND, lambda: net.cut([("a", "b")]))
        world.at(300 * MILLISECOND, lambda: net.heal([("a", "b")]))
        world.run_until(10**6 * SECOND)

        assert arrivals == list(range(30))

    def test_a_broken_pipe_delivers_nothing_more(self) -> None:
        """What was under way in a pipe when it broke does not arrive."""
        world, net = network()
        pipe, arrivals = net.pipe("a", "b"), list[int]()
        pipe.send(lambda: arrivals.append(1))
        pipe.break_off()
        world.run_until(SECOND)

        assert arrivals == []


def disk(seed: int = 1) -> tuple[World, SimDisk]:
    """A disk whose syncs take one to two milliseconds."""
    world = World(seed)
    return world, SimDisk(world, Rng(seed))


class TestDisk:
    """What a kill and a power failure leave."""

    def test_only_what_was_synced_survives_a_power_failure(self) -> None:
        """A power failure leaves what was written before a sync that completed, and no more."""
        world, tested = disk()
        done: list[str] = []
        tested.append("log", b"one")
        tested.sync(lambda: done.append("first"))
        tested.append("log", b"two")
        world.run_until(SECOND)
        tested.sync(lambda: done.append("second"))

        assert tested.fail_power(Fate.LOST) == 1
        world.run_until(2 * SECOND)
        assert (tested.read("log"), done) == (b"one", ["first"])

    def test_every_kind_of_write_is_durable_after_a_sync(self) -> None:
        """Append, truncate, replace and remove survive alike once synced."""
        world, tested = disk()
        for name in ("a", "b", "c"):
            tested.append(name, b"12345")
        tested.truncate("a", 2)
        tested.replace("b", b"new")
        tested.remove("c")
        tested.sync(lambda: None)
        world.run_until(SECOND)
        tested.fail_power(Fate.LOST)

        assert [(name, tested.read(name)) for name in tested.list("")] == [("a", b"12"), ("b", b"new")]

    @given(st.integers(0, 2**32), st.sampled_from(Fate))
    def test_what_is_kept_is_a_prefix(self, seed: int, fate: Fate) -> None:
        """However a power failure treats unsynced appends, a prefix of the file is left; whole writes unless torn."""
        _, tested = disk(seed)
        for part in (b"aaaa", b"bbbb", b"cccc"):
            tested.append("log", part)
        tested.fail_power(fate)
        left = tested.read("log")

        assert b"aaaabbbbcccc".startswith(left)
        assert fate is Fate.TORN or len(left) % 4 == 0
        assert fate is not Fate.LOST or left == b""


@dataclass
class Metronome:
    """A node that wants to be woken every ten milliseconds of its own time, and counts."""

    period_ns: Nanos = 10 * MILLISECOND
    due: Nanos = EPOCH_NS
    seen: list[tuple[str, Nanos]] = field(default_factory=list)

    def step(self, event: str, now: Nanos) -> list[str]:
        self.seen.append((event, now))
        while self.due <= now:
            self.due += self.period_ns
        return [event.upper()]

    def next_deadline(self) -> Nanos | None:
        return self.due


class Bench:
    """The machine that runs a metronome and notes its effects."""

    def __init__(self) -> None:
        self.node = Metronome()
        self.effects: list[str] = []
        self.stops: list[bool] = []

    def boot(self, now: Nanos) -> Metronome:
        self.node = Metronome(due=now)
        return self.node

    def deadline(self) -> str:
        return "tick"

    def perform(self, effect: str) -> None:
        self.effects.append(effect)

    def stopped(self, *, power: bool) -> None:
        self.stops.append(power)


def server(clock: Clock | None = None) -> tuple[World, Server[str, str], Bench]:
    """A started server with a metronome on it."""
    world, bench = World(1), Bench()
    tested: Server[str, str] = Server(world, "n1", clock=clock or Clock(), disk=SimDisk(world, Rng(1)))
    tested.install(bench)
    tested.start()
    return world, tested, bench


class TestServer:
    """Deadlines and lives."""

    def test_a_node_is_woken_at_its_deadlines(self) -> None:
        """A node is stepped at each deadline it names, on its own clock, and not otherwise."""
        world, _, bench = server(Clock(offset_ns=-12345, drift_ppm=500))
        world.run_until(SECOND)

        assert [event for event, _ in bench.node.seen] == ["tick"] * 101
        assert [now - EPOCH_NS + 12345 for _, now in bench.node.seen[:3]] == [0, 10 * MILLISECOND, 20 * MILLISECOND]

    def test_one_wakeup_is_under_way_however_many_events_come(self) -> None:
        """Events between two deadlines add no wakeups to the agenda."""
        world, tested, _ = server()
        world.run_until(1)
        before = world.actions
        for _ in range(100):
            tested.receive("event")

        assert world.actions == before

    def test_a_killed_server_does_nothing_and_a_restarted_one_is_new(self) -> None:
        """After a kill no event and no old wakeup reaches the node; a restart boots another."""
        world, tested, bench = server()
        world.run_until(MILLISECOND)
        old, stale = bench.node, tested.receiver("stale")
        tested.kill()
        tested.receive("lost")
        world.run_until(50 * MILLISECOND)
        tested.start()
        stale()
        world.run_until(95 * MILLISECOND)

        assert [event for event, _ in old.seen] == ["tick"]
        assert [event for event, _ in bench.node.seen] == ["tick"] * 5
        assert (bench.stops, tested.life) == ([False], Life.RUNNING)

    def test_a_paused_server_takes_its_events_afterwards(self) -> None:
        """What arrives in a pause waits, in order; deadlines are late."""
        world, tested, bench = server()
        world.run_until(MILLISECOND)
        tested.pause()
        tested.receive("one")
        tested.receive("two")
        world.run_until(500 * MILLISECOND)
        assert bench.effects == ["TICK"]

        tested.resume()
        world.run_until(501 * MILLISECOND)
        assert bench.effects[:3] == ["TICK", "ONE", "TWO"]


class TestHistory:
    """The record of a run."""

    def test_a_history_comes_back_from_its_file(self, tmp_path: Path) -> None:
        """A saved history is read back with the same fingerprint."""
        world = World(3)
        history = History(world)
        operation = history.invoke("p1", "S", "v1")
        history.mark(Mark.LED, "n1", group="g", term=2)
        history.complete("p1", operation, Outcome.OK, seq=1)
        history.save(tmp_path / "run.jsonl")

        again = load(tmp_path / "run.jsonl")
        assert again.records == history.records
        assert again.fingerprint() == history.fingerprint() != History(world).fingerprint()

    def test_a_file_that_is_no_history_is_refused(self, tmp_path: Path) -> None:
        """The refusal names the file and the line."""
        (tmp_path / "bad").write_text('{"type":"quieted","at":1}\n{"type":"nonsense"}\n')

        with pytest.raises(BadHistoryError, match=r"bad, line 2: .*nonsense"):
            load(tmp_path / "bad")
