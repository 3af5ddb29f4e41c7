"""The bytes of finished objects."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from tusd_py.domain.errors import UploadLost
from tusd_py.domain.upload import Span, Upload
from tusd_py.storage.s3.cursor import S3Cursor
from tusd_py.storage.s3.finishing import settle
from tusd_py.storage.s3.room import Room


def read(room: Room, upload: Upload, span: Span) -> AsyncGenerator[bytes, None]:
    """The bytes of `span`, in several requests at a time for who takes them fast. Raises UploadLost when the object is
    gone or is another."""
    return room.ahead.read(partial(read_through, room, upload), span)


async def read_through(room: Room, upload: Upload, span: Span, *, wide: bool = False) -> AsyncGenerator[bytes, None]:
    """A PutObject that was given up, sent again and then landed after all has made the same object anew: with SSE-KMS
    it has another ETag, and the read goes on with that. A client's own PutObject is never read under another ETag."""
    cursor, at = S3Cursor.load(upload.cursor), span.start
    etag = cursor.etag
    while at < span.stop:
        try:
            async with aclosing(room.client.get(cursor.key, Span(at, span.stop), etag, wide=wide)) as chunks:
                async for chunk in chunks:
                    at += len(chunk)
                    yield chunk
        except UploadLost as lost:
            before, etag = etag, await settle(room, upload, cursor.key, lost)
            if etag == before:
                raise
