"""A selection of uploads by fields of their records."""

from __future__ import annotations

from dataclasses import dataclass

from tusd_py.domain.upload import Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSelection:
    """A selection of uploads: those that match all fields. A field that is None matches all uploads; a text that is
    no phase or kind matches no upload."""

    phases: frozenset[str] | None = None
    kind: str | None = None
    owner: str | None = None
    metadata: tuple[tuple[str, bytes], ...] = ()
    """Metadata keys and values that the upload must have."""

    def includes(self, upload: Upload) -> bool:
        """Return True if the upload matches all fields."""
        return (
            (self.phases is None or upload.phase in self.phases)
            and self.kind in (None, upload.kind)
            and self.owner in (None, upload.owner)
            and all(upload.metadata.get(key) == value for key, value in self.metadata)
        )
