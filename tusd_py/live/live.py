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
    """Seconds after which a listener to which nothing was sent meanwhile is sent a comment or a blank line, which have
    no content. On a WebSocket, a ping is sent once nothing has come from the client for as long."""
    format_event: Callable[[StoredEvent, Watcher], bytes]
    """Returns an event of the feed, as it is told to the watcher, as JSON in UTF-8, on one line."""
    turns: Turns = field(default_factory=Turns)
    """The turns of the listeners that have no task."""
    wording: Wording = field(default_factory=Wording)
    _bodies: dict[UploadId, Callable[[], int]] = field(default_factory=dict)
    """The bodies of appends that this process is receiving (`receiving`), by upload: each function returns the offset
    up to which bytes have come, 0 before the first."""

    @contextmanager
    def receiving(self, upload_id: UploadId, offset: int, received: Callable[[], int]) -> Iterator[None]:
        """Have `Live.received` return, within the context, the offset up to which the bytes of an append have come; 0
        before the first. A later call for the same upload takes the place of this one.

        The request's bytes begin at `offset`; `received` returns how many have come.
        """
        count = self._bodies[upload_id] = lambda: offset + received() if received() else 0
        try:
            yield
        finally:
            if self._bodies.get(upload_id) is count:
                del self._bodies[upload_id]

    def received(self, upload_id: UploadId) -> int:
        """Return the offset up to which bytes of the upload have come to this process with an append (`receiving`),
        recorded or not; 0 if no append is bringing any. The body of a creation isn't counted."""
        return self._bodies.get(upload_id, int)()
