"""Every scenario by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sim.scenario import Scenario
from sim.scenarios.cluster import chaos, leader_crash, lossy_network, partition_leader, power_failure, rolling_restart
from sim.scenarios.raft_group import raft_group

_ALL: Final = (
    leader_crash(),
    partition_leader(),
    lossy_network(),
    rolling_restart(),
    power_failure(),
    chaos(),
    raft_group(),
)

SCENARIOS: Final[Mapping[str, Scenario]] = {scenario.name: scenario for scenario in _ALL}
"""What ``refjs sim`` can run, in the order of its list."""


class UnknownScenarioError(Exception):
    """There is no scenario of that name; ``str(error)`` is one sentence that lists what there is."""


def scenario_named(name: str) -> Scenario:
    """Return the scenario; raise ``UnknownScenarioError`` where there is none of that name."""
    if name not in SCENARIOS:
        raise UnknownScenarioError(f"there is no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
