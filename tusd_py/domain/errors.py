"""Failures that no client caused. What a client did wrong is a `domain.refusals.Refusal`."""

from __future__ import annotations


class Unavailable(Exception):
    """The storage or the state store can't serve now; what was acknowledged still holds. Retry later."""


class StorageUnavailable(Unavailable):
    """The storage failed or is unreachable, after the retries that make sense."""


class StorageFull(StorageUnavailable):
    """The storage has no free space for new data: the rest is reserved for removal."""


class StateUnavailable(Unavailable):
    """The state store failed or is unreachable."""


class StateFull(StateUnavailable):
    """The state store has no free space for new data."""


class Superseded(Exception):
    """Another request or process has changed this upload's record; the work at hand no longer counts."""


class Locked(Exception):
    """The upload's lock holder did not release the lock in time."""


class UploadLost(Exception):
    """The storage no longer has bytes that were recorded (removed by hand, or by a lifecycle rule)."""


class UploadSpoiled(UploadLost):
    """All bytes are stored, but they don't have the announced digest."""


class ConfigurationError(Exception):
    """The settings can't work; the message says what to do."""


class WrongPair(ConfigurationError, Unavailable):
    """State and storage belong to two installations: neither is used."""
