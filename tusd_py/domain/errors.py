"""Errors of the settings, the storage, the state store and the records. A client's own errors are a
`domain.refusals.Refusal`; only UploadLost and UploadSpoiled can be a client's, too."""

from __future__ import annotations


class Unavailable(Exception):
    """The storage or the state store (in `repair`, also the scanner) can't serve now. The failure loses no acknowledged
    bytes or changes. A later retry may succeed."""


class StorageUnavailable(Unavailable):
    """The storage failed or can't be reached, also after retries, if a retry could help; or bytes of an upload seemed
    to be lost, and the client must repeat the request or ask for the offset."""


class StorageFull(StorageUnavailable):
    """The storage has no free space for new data: only the reserve of the disk is left, or a disk quota is used up."""


class StateUnavailable(Unavailable):
    """The state store failed or is unreachable."""


class StateFull(StateUnavailable):
    """The state store has no free space for new data."""


class Superseded(Exception):
    """The work at hand no longer counts: since the record of this upload or job was read, another request or process
    has changed or removed it, or wants or uses the upload, or may do so, as the lock of the upload or the hold on the
    job has run out."""


class Locked(Exception):
    """The lock of the upload was still held at the end of the time to wait for it."""


class UploadLost(Exception):
    """The storage doesn't have the upload's bytes as recorded: an operator or a lifecycle rule has removed them, a
    client has replaced them, or a partial upload of a final one has ended. Also raised for a direct upload in parts
    whose multipart upload was never started, and for one in one request whose object is larger than an upload may be.
    """


class UploadSpoiled(UploadLost):
    """All bytes of the upload are stored, but don't have the digest that its client announced."""


class ConfigurationError(Exception):
    """The settings, or a file or store that they name, can't be used; the message tells the operator why."""


class WrongPair(ConfigurationError, Unavailable):
    """The state store and the storage, or two buckets of the storage, don't belong together: the server uses none of
    them."""
