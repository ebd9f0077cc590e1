"""Figures taken without a server: how fast the core steps, the simulator runs and the explorer visits states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

IN_PROCESS: Final[list[tuple[str, str, Callable[[bool], float]]]] = []
"""Name, unit and measurement; the flag asks for a quick one."""
