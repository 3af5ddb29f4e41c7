"""The port to measurements."""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.state import Unfinished


class Meter:
    """A receiver of measurements. Methods return at once and never raise; this base class does nothing."""

    def bytes_received(self, count: int) -> None:
        """Count `count` bytes of a request's body, or of an upload that a job makes."""

    def s3_request(self, operation: str, seconds: float, outcome: str) -> None:
        """Count an attempt at an S3 operation (`UploadPart`) and its duration. `outcome` is `ok`, `cancelled` (its
        caller left), the code of the error (S3's, the status of HTTP, or the name of an exception), or `failed` without
        one. A GetObject counts at its answer's head, and again if its bytes break off."""

    def lock_waited(self, seconds: float, *, got: bool) -> None:
        """Record for how many seconds a lock was waited for; `got` is False if it wasn't free by then."""

    def space_seen(self, store: str, free: float, *, full: bool) -> None:
        """Record the free bytes of the `state` or the `storage`: infinite if no limit is known. `full` is True while
        creations and bodies are refused because less than the reserve was free."""

    def unfinished_seen(self, unfinished: Unfinished) -> None:
        """Record the number of the unfinished uploads of all nodes, and the bytes that these claim."""

    def leftover_removed(self, upload_id: UploadId, name: str) -> None:
        """Count an orphan that was removed from the storage; `name` is the orphan's for people (`Leftover.name`)."""

    def hook_called(self, hook: str, seconds: float, outcome: str) -> None:
        """Count an attempt to deliver an event to a sink, or to ask a hook, and its duration. `hook` names the event or
        the question as tusd does (`post-finish`), or in the same form where tusd has none (`post-lost`, `pre-access`);
        `outcome` is `ok`, `rejected` (by a hook's answer), `failed` or `timeout`."""

    def events_seen(self, sink: str, pending: int, dead: int, oldest_seconds: float) -> None:
        """Record the numbers of a sink's pending and dead events, and the age in seconds of the oldest pending one, 0
        if none is pending. Each node records the same: they are those of the state."""


class Meters(Meter):
    """Several meters as one."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        self._meters = meters

    def bytes_received(self, count: int) -> None:
        for meter in self._meters:
            meter.bytes_received(count)

    def s3_request(self, operation: str, seconds: float, outcome: str) -> None:
        for meter in self._meters:
            meter.s3_request(operation, seconds, outcome)

    def lock_waited(self, seconds: float, *, got: bool) -> None:
        for meter in self._meters:
            meter.lock_waited(seconds, got=got)

    def space_seen(self, store: str, free: float, *, full: bool) -> None:
        for meter in self._meters:
            meter.space_seen(store, free, full=full)

    def unfinished_seen(self, unfinished: Unfinished) -> None:
        for meter in self._meters:
            meter.unfinished_seen(unfinished)

    def leftover_removed(self, upload_id: UploadId, name: str) -> None:
        for meter in self._meters:
            meter.leftover_removed(upload_id, name)

    def hook_called(self, hook: str, seconds: float, outcome: str) -> None:
        for meter in self._meters:
            meter.hook_called(hook, seconds, outcome)

    def events_seen(self, sink: str, pending: int, dead: int, oldest_seconds: float) -> None:
        for meter in self._meters:
            meter.events_seen(sink, pending, dead, oldest_seconds)
