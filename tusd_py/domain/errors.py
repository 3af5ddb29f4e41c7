"""Trouble that isn't the client's doing. What a client did wrong is a `protocol.refusals.Refusal`."""

from __future__ import annotations


class Unavailable(Exception):
    """Storage or state can't serve right now; nothing was taken back. Ask again later."""


class StorageUnavailable(Unavailable):
    """The storage failed or is out of reach, after the retries that make sense."""


class StorageFull(StorageUnavailable):
    """The storage has room for nothing new: what is left is kept for removal."""


class StateUnavailable(Unavailable):
    """The state store failed or is out of reach."""


class StateFull(StateUnavailable):
    """The state store has room for nothing new."""


class Superseded(Exception):
    """Somebody else has moved this upload on; whatever was being done to it no longer counts."""


class Locked(Exception):
    """The upload's holder did not leave in time."""


class UploadLost(Exception):
    """The storage no longer has bytes that were recorded (removed by hand, or by a lifecycle rule)."""


class UploadSpoiled(UploadLost):
    """All bytes are there, but they aren't the ones whose digest was announced."""


class ConfigurationError(Exception):
    """The settings can't work; the message says what to do."""


class WrongPair(ConfigurationError, Unavailable):
    """State and storage are of two installations: nothing is done with either."""
