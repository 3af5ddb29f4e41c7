"""The parts of a process that tell clients of uploads while these change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tusd_py.domain.rights import Watcher
from tusd_py.domain.upload_id import UploadId
from tusd_py.live.hub import Hub
from tusd_py.live.turns import Turns
from tusd_py.ports.outbox import StoredEvent
from tusd_py.protocol.live_wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The hub of a process, and the parts and settings that the requests of its listeners share."""

    hub: Hub
    heartbeat: float
    """Seconds of silence after which a listener is sent a comment, a blank line or a ping: nothing with content."""
    format_event: Callable[[StoredEvent, Watcher], bytes]
    """Returns an event of the feed, as it is told to the watcher, as JSON in UTF-8, on one line."""
    turns: Turns = field(default_factory=Turns)
    """The turns of the listeners that have no task."""
    wording: Wording = field(default_factory=Wording)
    _bodies: dict[UploadId, Callable[[], int]] = field(default_factory=dict)
    """The bodies that this process is receiving, by upload: each function returns the offset up to which bytes have
    come, 0 before the first."""

    @contextmanager
    def receiving(self, upload_id: UploadId, offset: int, received: Callable[[], int]) -> Iterator[None]:
        """Within the context, have `Live.received` return the offset up to which the bytes of a request have come.

        The request's bytes begin at `offset`; `received` returns how many have come.
        """
        count = self._bodies[upload_id] = lambda: offset + received() if received() else 0
        try:
            yield
        finally:
            if self._bodies.get(upload_id) is count:
                del self._bodies[upload_id]

    def received(self, upload_id: UploadId) -> int:
        """Return the offset up to which bytes of the upload have come to this process, recorded or not; 0 if no request
        is bringing any."""
        return self._bodies.get(upload_id, int)()
