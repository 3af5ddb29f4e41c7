"""An installation: a state store and a storage that belong together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The installation, a state store and a storage that belong together, as the state store records it."""

    id: str
    """An id in the form of an upload's, which is stored in the storage, too. A secret: the keys of reading links are
    derived from it."""
    stored: bool = False
    """True once the storage holds the id."""
    adopted_at: float | None = None
    """The time, in seconds since the epoch, at which the state store, empty then, adopted the storage's id, or an
    operator paired the two (`repair --pair`); None if neither happened, or once a `repair` has mended all that it
    found."""

    @property
    def label(self) -> str:
        """The start of the id: enough to tell installations apart, and no secret, unlike the whole id."""
        return label(self.id)


def label(installation_id: str) -> str:
    """Return the start of an installation's id, the part that may be shown to people and written to logs."""
    return installation_id[:8]
