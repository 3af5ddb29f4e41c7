"""A scenario: what clients do, in what kind of a world."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.simulation.setup import Setup
from tests.simulation.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    play: Callable[[World], Awaitable[None]]
    setup: Setup = field(default_factory=Setup)
    calm: bool = True
    """True if the scenario causes no trouble itself, so that a run without faults may report none."""
