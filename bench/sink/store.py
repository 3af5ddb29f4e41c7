"""What the sink remembers: sizes, headers, and the bytes of small objects."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field

from multidict import CIMultiDict

KEPT = 256 * 1024
"""Largest object whose bytes are kept: servers read back what they store for themselves, and that is small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object. `content` is None for one whose bytes were thrown away."""

    size: int
    content: bytes | None = None
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)
    """Of the request that made it, the ones that a GET gives back."""
    etag: str


@dataclass(slots=True, kw_only=True)
class Multipart:
    """A multipart upload that isn't complete."""

    key: str
    headers: CIMultiDict[str]
    parts: dict[int, Stored] = field(default_factory=dict)


class Store:
    """All there is; each method is one dict operation or so, which the interpreter lock makes whole."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.multiparts: dict[str, Multipart] = {}
        self.requests: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self._numbers = itertools.count(1)

    def fresh(self) -> str:
        """An id or ETag nobody else has."""
        return f"{next(self._numbers):032x}"

    def count(self, operation: str, size: int) -> None:
        self.requests[operation] += 1
        self.bytes[operation] += size

    def complete(self, multipart_id: str) -> Stored | None:
        """The object that the parts make; None for an unknown multipart upload."""
        multipart = self.multiparts.pop(multipart_id, None)
        if multipart is None:
            return None
        size = sum(part.size for part in multipart.parts.values())
        made = Stored(size=size, headers=multipart.headers, etag=f"{self.fresh()}-{len(multipart.parts)}")
        self.objects[multipart.key] = made
        return made

    def reset(self) -> None:
        """Forget the counts, and nothing else."""
        self.requests.clear()
        self.bytes.clear()
