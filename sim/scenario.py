"""What a scenario is, and how one run of it goes: build the world, let the plan happen, heal, wait, observe, judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import process_time
from traceback import extract_tb
from typing import Final, Protocol, TypeAlias, final

from refjs.types.rng import Rng
from refjs.types.units import MILLISECOND, SECOND, Nanos
from sim.checkers.catalogue import PROPERTY_IDS, judge
from sim.checkers.verdict import Judgement, Kind, Verdict, conclude
from sim.history import Began, Ended, History
from sim.nemesis import Deployment, Nemesis
from sim.network import Network, Weather, full_mesh
from sim.plan import Plan, check_targets
from sim.world import StuckError, World

SETTLE_NS: Final[Nanos] = 5 * SECOND
"""How long before the end the clients stop, so that what is under way can arrive."""

ADMINISTRATOR: Final = "admin"
"""The endpoint of whoever sets up what the clients use."""


class Cluster(Deployment, Protocol):
    """A deployment that a scenario can run: it also starts, stops its clients, and says what it holds."""

    @property
    def consumers(self) -> tuple[str, ...]:
        """The consumers that must receive everything, as ``stream/consumer``."""

    def start(self) -> None:
        """Start the servers and, a little later, the clients."""

    def finish(self) -> None:
        """Let the clients begin nothing new."""

    def observe(self) -> None:
        """Record what every live server holds."""

    def unseed(self) -> int:
        """Draw once more from every server's randomness: differing draws betray a run that is not deterministic."""


@final
@dataclass(frozen=True, slots=True)
class Setup:
    """The size of a run: everything but the faults that shapes it."""

    servers: int = 3
    publishers: int = 2
    consumers: int = 1
    publish_every_ns: Nanos = 200 * MILLISECOND
    """How long each publisher waits after an answer before it publishes again."""
    latency_ns: Nanos = MILLISECOND
    weather: Weather = field(default_factory=Weather)

    @property
    def server_names(self) -> tuple[str, ...]:
        """``n1``, ``n2`` and so on."""
        return tuple(f"n{number}" for number in range(1, self.servers + 1))

    @property
    def publisher_names(self) -> tuple[str, ...]:
        """``p1``, ``p2`` and so on."""
        return tuple(f"p{number}" for number in range(1, self.publishers + 1))

    @property
    def consumer_names(self) -> tuple[str, ...]:
        """``c1``, ``c2`` and so on."""
        return tuple(f"c{number}" for number in range(1, self.consumers + 1))


Deploy: TypeAlias = Callable[[World, Network, History, Setup], Cluster]
Planner: TypeAlias = Callable[[Rng, tuple[str, ...]], Plan]


@final
@dataclass(frozen=True, slots=True)
class Scenario:
    """A question, who takes part, how the seed draws the faults, and which properties must hold."""

    name: str
    question: str
    deploy: Deploy
    plan: Planner
    setup: Setup = Setup()
    properties: tuple[str, ...] = tuple(PROPERTY_IDS)


@final
@dataclass(frozen=True, slots=True)
class Run:
    """One run: what was done to the cluster, what was recorded, what the judges say, and how fast it went."""

    scenario: str
    seed: int
    plan: Plan
    history: History
    judgement: Judgement
    simulated_ns: Nanos
    cpu_seconds: float

    @property
    def speed(self) -> float:
        """Simulated seconds per second of one processor."""
        return self.simulated_ns / SECOND / self.cpu_seconds


def draw_plan(scenario: Scenario, seed: int) -> Plan:
    """Return the plan that the seed draws; only the seed and the scenario decide it."""
    return scenario.plan(World(seed).stream("plan"), scenario.setup.server_names)


def run(scenario: Scenario, seed: int, plan: Plan | None = None) -> Run:
    """Run a scenario with a given plan, or with the one the seed draws; raise ``BadPlanError`` on unknown servers."""
    plan = draw_plan(scenario, seed) if plan is None else plan
    check_targets(plan, scenario.setup.server_names)
    started = process_time()
    world = World(seed)
    history = History(world)
    broken: Verdict | None = None
    try:
        _play(scenario, world, history, plan)
    except StuckError as error:
        broken = conclude("time", "time goes on", [str(error)], examined=1, kind=Kind.LIVENESS)
    except Exception as error:  # noqa: BLE001 - whatever the core raises is a finding, and ends this run only
        broken = conclude("core", "the core raises nothing, and its assertions hold", [_where(error)], examined=1)
    spent = process_time() - started
    judgement = judge(history, properties=scenario.properties) if broken is None else Judgement((broken,))
    return Run(scenario.name, seed, plan, history, judgement, world.now, spent)


def _where(error: Exception) -> str:
    """Return what was raised, and where."""
    frame = extract_tb(error.__traceback__)[-1]
    file = frame.filename.rpartition("/")[2]
    return f"{type(error).__name__}: {error} ({file}:{frame.lineno}, in {frame.name})"


def _play(scenario: Scenario, world: World, history: History, plan: Plan) -> None:
    setup = scenario.setup
    clients = setup.publisher_names + setup.consumer_names
    topology = full_mesh(setup.server_names, (ADMINISTRATOR, *clients), setup.latency_ns)
    network = Network(world, topology, setup.weather)
    cluster = scenario.deploy(world, network, history, setup)
    history.add(Began(scenario.name, world.seed, setup.server_names, clients, cluster.consumers))
    Nemesis(world, network, history, cluster).follow(plan)
    cluster.start()
    end = plan.end_ms * MILLISECOND
    world.run_until(max(end - SETTLE_NS, plan.heal_ms * MILLISECOND + 1))
    cluster.finish()
    world.run_until(end)
    cluster.observe()
    history.add(Ended(world.now, world.actions, cluster.unseed()))
