"""The location of an upload's object, as hooks and events are told of it."""

from __future__ import annotations

from dataclasses import dataclass

LOCAL = "local"
"""The name of the bucket and of the region for a storage that has neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The location of an upload's object. The object exists once the upload is done."""

    key: str
    """The key of the object in its bucket; on a disk the path below the storage's folder."""
    path: str | None = None
    """The absolute path of the file on a disk; None for any other storage."""
    bucket: str = LOCAL
    region: str = LOCAL
