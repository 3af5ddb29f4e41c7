"""The reading of finished objects."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from tusd_py.domain.errors import UploadLost
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload
from tusd_py.storage.s3.buckets import Buckets
from tusd_py.storage.s3.cursor import S3Cursor
from tusd_py.storage.s3.finishing import require_etag


def read(buckets: Buckets, upload: Upload, span: Span) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of `span`; if the caller reads fast, from several requests at a time. Raises StorageUnavailable;
    UploadLost if the object is gone or was replaced."""
    return buckets.own.ahead.read(partial(read_through, buckets, upload), span)


async def read_through(
    buckets: Buckets, upload: Upload, span: Span, *, wide: bool = False
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of `span`, by one request at a time, in larger chunks if `wide`. Raises StorageUnavailable;
    UploadLost if the object is gone or was replaced.

    If a PutObject of this server timed out, was retried, and then took effect late, it stored the same bytes again,
    with SSE-KMS under another ETag: reading continues with that ETag. An object that a client replaced is never read.
    """
    bucket, cursor, at = buckets.of(upload), S3Cursor.load(upload.cursor), span.start
    etag = cursor.etag
    while at < span.stop:
        try:
            async with aclosing(bucket.client.get(cursor.key, Span(at, span.stop), etag, wide=wide)) as chunks:
                async for chunk in chunks:
                    at += len(chunk)
                    yield chunk
        except UploadLost as lost:
            old_etag, etag = etag, await require_etag(bucket, upload, cursor.key, lost)
            if etag == old_etag:
                raise
