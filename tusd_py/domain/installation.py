"""A state store and a storage that belong together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A state store and a storage that belong together, as the state store records it."""

    id: str
    """An id in the form of an upload's, which the storage has too. A secret: read links' keys are derived from it."""
    stored: bool = False
    """True once the id is written into the storage."""
    adopted_at: float | None = None
    """The time at which an empty state store adopted the storage's id, in seconds since the epoch; None once `repair`
    has run."""

    @property
    def label(self) -> str:
        """The start of the id: enough to tell installations apart."""
        return label(self.id)


def label(installation_id: str) -> str:
    """Return the part of an installation's id that people and logs may see."""
    return installation_id[:8]
