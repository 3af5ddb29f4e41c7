"""What happens, told to whoever watches: metrics, logs, tests. Below the rooms that tell; does nothing itself."""

from __future__ import annotations

from tusd_py.model import Unfinished, Upload, UploadId


class Observer:
    """Told of what has happened, after it counts. Methods return at once and never raise; here they do nothing."""

    def upload_created(self, upload: Upload) -> None:
        """Its record is in the state store."""

    def upload_finished(self, upload: Upload) -> None:
        """Its object exists. Told once for each upload, by whoever drove the last step."""

    def upload_terminated(self, upload: Upload) -> None:
        """A client or an operator ended it."""

    def upload_expired(self, upload: Upload) -> None:
        """Its time was up and it was removed."""

    def upload_rolled_back(self, upload: Upload, offset: int) -> None:
        """Bytes that were recorded are gone: it was at `offset`, and goes on from where it is now."""

    def leftover_removed(self, upload_id: UploadId, name: str) -> None:
        """Something that a crash had left in the storage, and no upload needed."""

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

    def trouble(self, what: str, **fields: object) -> None:
        """Something an operator should know, in a few words, with the values that say where."""


class Fanout(Observer):
    """Tells several observers, in order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def upload_created(self, upload: Upload) -> None:
        for observer in self._observers:
            observer.upload_created(upload)

    def upload_finished(self, upload: Upload) -> None:
        for observer in self._observers:
            observer.upload_finished(upload)

    def upload_terminated(self, upload: Upload) -> None:
        for observer in self._observers:
            observer.upload_terminated(upload)

    def upload_expired(self, upload: Upload) -> None:
        for observer in self._observers:
            observer.upload_expired(upload)

    def upload_rolled_back(self, upload: Upload, offset: int) -> None:
        for observer in self._observers:
            observer.upload_rolled_back(upload, offset)

    def leftover_removed(self, upload_id: UploadId, name: str) -> None:
        for observer in self._observers:
            observer.leftover_removed(upload_id, name)

    def bytes_received(self, count: int) -> None:
        for observer in self._observers:
            observer.bytes_received(count)

    def s3_request(self, operation: str, seconds: float, outcome: str) -> None:
        for observer in self._observers:
            observer.s3_request(operation, seconds, outcome)

    def lock_waited(self, seconds: float, *, got: bool) -> None:
        for observer in self._observers:
            observer.lock_waited(seconds, got=got)

    def space_seen(self, store: str, free: float, *, full: bool) -> None:
        for observer in self._observers:
            observer.space_seen(store, free, full=full)

    def unfinished_seen(self, unfinished: Unfinished) -> None:
        for observer in self._observers:
            observer.unfinished_seen(unfinished)

    def trouble(self, what: str, **fields: object) -> None:
        for observer in self._observers:
            observer.trouble(what, **fields)
