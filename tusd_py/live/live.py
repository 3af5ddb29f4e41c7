"""The parts that tell of uploads while they change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tusd_py.live.hub import Hub
from tusd_py.ports.outbox import StoredEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The hub of a process, and what its listeners get."""

    hub: Hub
    heartbeat: float
    """Seconds of silence after which a listener is sent something that says nothing."""
    format_event: Callable[[StoredEvent], bytes]
    """Returns an event as JSON in UTF-8, on one line."""
