"""The judgement of an upload's first bytes (setting `sniff`): before any of them is stored, or, for a final upload,
before the upload is recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from tusd_py.domain.content_types import HEAD_BYTES, check_content, has_allowed_mark
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.refusals import Malformed, TypeNotAllowed
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Kind, Upload
from tusd_py.engine.engine import Engine
from tusd_py.ports.body import Body, BodyEnd, Chunk
from tusd_py.transfer.file_marks import FileMarks

_PARTIALS = 16
"""The most partial uploads of a final upload, from the first on, whose first bytes are read: a request to the storage
each."""


def sniffed(
    engine: Engine, upload: Upload, chunks: AsyncIterator[Chunk], body: Body, *, last: bool
) -> AsyncIterator[Chunk]:
    """Yield the chunks of the body. If it begins at offset 0 and the settings ask for it, the file's first bytes are
    judged before the first chunk; none is yielded if the body is cut short, or turns out too long, before the file's
    type can be told. `last` is True if the request says that the body is the rest of the file.

    A partial upload isn't judged: its final upload is. Raises TypeNotAllowed, before the first chunk, if the type isn't
    allowed, or if a complete body is too short to tell it and isn't known to be all of the file.
    """
    if engine.marks is None or upload.offset or upload.kind is Kind.PARTIAL:
        return chunks
    return _judged(engine, engine.marks, upload, chunks, body, last=last)


async def _judged(
    engine: Engine, marks: FileMarks, upload: Upload, chunks: AsyncIterator[Chunk], body: Body, *, last: bool
) -> AsyncIterator[Chunk]:
    """Yield the chunks; none if the body was cut short, or was too long, before the file's type could be told: its
    client may send these bytes again. `last` is True if the request says that the body is the rest of the file. Raises
    TypeNotAllowed, before the first chunk, if the type isn't allowed, or if a complete body is too short to tell it and
    isn't known to be all of the file."""
    prefix, chunk = b"", b""  # type: bytes, Chunk
    async for chunk in chunks:
        if len(prefix) + len(chunk) >= HEAD_BYTES:
            break
        prefix, chunk = prefix + chunk, b""  # noqa: PLW2901  the rest of the last one stays a view
    if not _is_kept(engine, marks, upload, prefix + chunk[: HEAD_BYTES - len(prefix)], body, last=last):
        return
    for part in filter(len, (prefix, chunk)):
        yield part
    async for further in chunks:
        yield further


def _is_kept(engine: Engine, marks: FileMarks, upload: Upload, head: bytes, body: Body, *, last: bool) -> bool:
    """Return True if the body, which begins with `head`, is to be stored; False if it was cut short, or was too long,
    before the file's type could be told. `last` is True if the request says that the body is the rest of the file.
    Raises TypeNotAllowed if the type isn't allowed, or if a complete body is too short to tell it and isn't known to be
    all of the file."""
    present, allowed = marks.find(head), engine.limits.allowed_types
    complete = [mark for mark in present if not mark.incomplete]
    if not head or has_allowed_mark(upload, complete, allowed):
        return True
    if len(head) < HEAD_BYTES and body.end is not BodyEnd.COMPLETE:
        return False
    if len(head) < HEAD_BYTES and not last and len(head) != upload.length:
        raise _too_short("request")
    check_content(upload, head, present, marks.kinds, allowed)
    return True


async def check_partials(engine: Engine, final: Upload, partials: Sequence[Upload]) -> None:
    """Judge the first bytes of a planned final upload, read from its partial uploads, if the settings ask for it.
    Raises TypeNotAllowed if the type isn't allowed, or if the first 16 partial uploads (`_PARTIALS`) have too few bytes
    to tell it; Malformed if a partial upload's object is missing or was replaced; StorageUnavailable."""
    if engine.marks is None:
        return
    try:
        head = await _head(engine, partials[:_PARTIALS])
    except UploadLost as error:
        raise Malformed("Upload-Concat names an upload that is not here any more") from error
    if len(head) < min(HEAD_BYTES, final.offset):
        raise _too_short(f"{_PARTIALS} partial uploads")
    if head:
        check_content(final, head, engine.marks.find(head), engine.marks.kinds, engine.limits.allowed_types)


def _too_short(source: str) -> TypeNotAllowed:
    return TypeNotAllowed(f"send {HEAD_BYTES} bytes or more in the first {source}: fewer don't tell their type")


async def _head(engine: Engine, partials: Sequence[Upload]) -> bytes:
    head = b""
    for partial in partials:
        if size := min(HEAD_BYTES - len(head), partial.offset):
            async with aclosing(engine.storage.read(partial, Span(0, size))) as chunks:
                head += b"".join([chunk async for chunk in chunks])
    return head
