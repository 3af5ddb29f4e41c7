"""The parts that tell of uploads while they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tusd_py.domain.upload_id import UploadId
from tusd_py.live.hub import Hub
from tusd_py.live.turns import Turns
from tusd_py.ports.outbox import StoredEvent
from tusd_py.protocol.live_wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The hub of a process, and what its listeners get."""

    hub: Hub
    heartbeat: float
    """Seconds of silence after which a listener is sent something that says nothing."""
    format_event: Callable[[StoredEvent], bytes]
    """Returns an event as JSON in UTF-8, on one line."""
    turns: Turns = field(default_factory=Turns)
    """The turns of listeners that need no task."""
    wording: Wording = field(default_factory=Wording)
    _bodies: dict[UploadId, Callable[[], int]] = field(default_factory=dict)
    """The bodies that are being received here, each as a function of the bytes that have come."""

    @contextmanager
    def receiving(self, upload_id: UploadId, offset: int, received: Callable[[], int]) -> Iterator[None]:
        """Count the bytes that come for the upload from `offset` on, while they come."""
        count = self._bodies[upload_id] = lambda: offset + received() if received() else 0
        try:
            yield
        finally:
            if self._bodies.get(upload_id) is count:
                del self._bodies[upload_id]

    def received(self, upload_id: UploadId) -> int:
        """Return the offset up to which bytes have come to this process; 0 if none come."""
        return self._bodies.get(upload_id, int)()
