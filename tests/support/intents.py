"""Intents to test the engine with."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tusd_py.domain.digest import Checksum
from tusd_py.domain.direct import DirectPart
from tusd_py.domain.intents import Append, Body, Create
from tusd_py.domain.upload import Kind
from tusd_py.domain.upload_id import UploadId


def sha1(data: bytes) -> Checksum:
    return Checksum(algorithm="sha1", digest=hashlib.sha1(data).digest())


def appending(
    offset: int, *, size: int | None = None, length: int | None = None, checksum: Checksum | None = None, **options: Any
) -> Append:
    """Return an append at `offset`: `size` is the Content-Length, None for a chunked body; `length` is the upload's
    length if the request declares it, else None."""
    return Append(offset=offset, length=length, body=Body(length=size, checksum=checksum), **options)


def creating(
    length: int | None,
    *,
    kind: Kind = Kind.REGULAR,
    body: bool = False,
    checksum: Checksum | None = None,
    **options: Any,
) -> Create:
    return Create(kind=kind, length=length, body=Body(length=None, checksum=checksum) if body else None, **options)


def joining(*partials: UploadId) -> Create:
    """Return the creation of a final upload of these partial uploads."""
    return Create(kind=Kind.FINAL, partials=tuple(f"/files/{partial}" for partial in partials))


def naming(parts: Sequence[DirectPart]) -> Callable[[], Awaitable[Sequence[DirectPart]]]:
    """Return an async function that gives these parts, in place of one that reads them from a request's body."""

    async def read_parts() -> Sequence[DirectPart]:
        return parts

    return read_parts
