"""A choice of uploads by what their records say."""

from __future__ import annotations

from dataclasses import dataclass

from tusd_py.domain.upload import Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSelection:
    """A choice of uploads; None chooses all. A word that is no phase or kind matches none."""

    phases: frozenset[str] | None = None
    kind: str | None = None
    owner: str | None = None
    metadata: tuple[tuple[str, bytes], ...] = ()
    """Keys and their values, each of which the upload must have."""

    def includes(self, upload: Upload) -> bool:
        """Return True if the upload is one of the chosen."""
        return (
            (self.phases is None or upload.phase in self.phases)
            and self.kind in (None, upload.kind)
            and self.owner in (None, upload.owner)
            and all(upload.metadata.get(key) == value for key, value in self.metadata)
        )
