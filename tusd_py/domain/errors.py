"""Errors of the settings, the storage, the state store and the records. A client's own errors are a
`domain.refusals.Refusal`; only UploadSpoiled can be a client's, too."""

from __future__ import annotations


class Unavailable(Exception):
    """The storage or the state store can't serve now; all acknowledged bytes and changes are kept. A later retry may
    succeed."""


class StorageUnavailable(Unavailable):
    """The storage failed or is unreachable, also after retries."""


class StorageFull(StorageUnavailable):
    """The storage has no free space for new data: only the reserve of the disk is left, or a disk quota is used up."""


class StateUnavailable(Unavailable):
    """The state store failed or is unreachable."""


class StateFull(StateUnavailable):
    """The state store has no free space for new data."""


class Superseded(Exception):
    """Another request or process has changed the record of this upload or job since it was read: the work at hand no
    longer counts."""


class Locked(Exception):
    """The lock of the upload was still held at the end of the time to wait for it."""


class UploadLost(Exception):
    """The storage no longer has bytes that were recorded (an operator or a lifecycle rule has removed them)."""


class UploadSpoiled(UploadLost):
    """All bytes of the upload are stored, but don't have the digest that its client announced."""


class ConfigurationError(Exception):
    """The settings can't work; the message says what to do."""


class WrongPair(ConfigurationError, Unavailable):
    """The state store and the storage belong to two installations: the server uses neither."""
