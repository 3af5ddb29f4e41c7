"""The port to measurements."""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.domain.upload import Unfinished, UploadId


class Meter:
    """Takes measurements. Methods return at once and never raise; here they do nothing."""

    def bytes_received(self, count: int) -> None:
        """So many bytes of a request's body were taken."""

    def s3_request(self, operation: str, seconds: float, outcome: str) -> None:
        """One call to S3 by its S3 name (`UploadPart`); `outcome` is `ok` or an S3 error code."""

    def lock_waited(self, seconds: float, *, got: bool) -> None:
        """A request had its turn after so long, or gave up."""

    def space_seen(self, store: str, free: float, *, full: bool) -> None:
        """A look at the bytes that are free in the `state` or the `storage`: infinite where no end is known."""

    def unfinished_seen(self, unfinished: Unfinished) -> None:
        """A look at how many uploads are unfinished, on all nodes."""

    def leftover_removed(self, upload_id: UploadId, name: str) -> None:
        """Something that a crash had left in the storage, and no upload needed."""


class Meters(Meter):
    """Several meters, which each measure all of it."""

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
