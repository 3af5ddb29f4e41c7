"""The objects of the sink, an S3 for benchmarks: sizes, headers, and the bytes of small ones; its multipart uploads and
its counts."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from dataclasses import dataclass, field

from multidict import CIMultiDict

MAX_STORED = 256 * 1024
"""Bytes of the largest object whose content is kept, if PutObject made it: servers read back their own objects, which
are small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object, or a part of a multipart upload. `content` is None if its bytes were discarded."""

    size: int
    content: bytes | None = None
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)
    """The headers, of the PutObject or CreateMultipartUpload that began the object, that GET and HEAD return."""
    etag: str


@dataclass(slots=True, kw_only=True)
class Multipart:
    """A multipart upload that isn't complete."""

    key: str
    headers: CIMultiDict[str]
    parts: dict[int, Stored] = field(default_factory=dict)


class Store:
    """All objects, multipart uploads and counts of the sink, which the threads of all connections share without a lock,
    except for counting: single dict operations are atomic."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.multiparts: dict[str, Multipart] = {}
        self.requests: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self._numbers = itertools.count(1)
        self._counting = threading.Lock()

    def fresh(self) -> str:
        """Return a unique id or ETag."""
        return f"{next(self._numbers):032x}"

    def count(self, operation: str, size: int) -> None:
        with self._counting:
            self.requests[operation] += 1
            self.bytes[operation] += size

    def complete(self, multipart_id: str) -> Stored | None:
        """Complete the multipart upload with all parts that it has; return the object, or None if the store has no
        multipart upload of this id."""
        multipart = self.multiparts.pop(multipart_id, None)
        if multipart is None:
            return None
        size = sum(part.size for part in multipart.parts.values())
        stored = Stored(size=size, headers=multipart.headers, etag=f"{self.fresh()}-{len(multipart.parts)}")
        self.objects[multipart.key] = stored
        return stored

    def reset(self) -> None:
        """Reset the counts only."""
        self.requests.clear()
        self.bytes.clear()
