"""The location of an upload's object, as hooks and events tell it."""

from __future__ import annotations

from dataclasses import dataclass

LOCAL = "local"
"""The name of the bucket and the region of a storage that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of an upload's object, which exists once the upload is done."""

    key: str
    """The key of the object in its bucket; on a disk the path below the storage's folder."""
    path: str | None = None
    """The absolute path of the file; None in S3."""
    bucket: str = LOCAL
    region: str = LOCAL
