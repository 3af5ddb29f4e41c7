"""The survey of an upload's recorded bytes: it tells which of them S3 still has, from answers that only S3 itself can
have given, not a proxy before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from tusd_py.domain import lifecycle
from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.copying import copy_with
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.lifecycle import reopen
from tusd_py.domain.upload import Kind, Upload
from tusd_py.ports.storage import Survey
from tusd_py.storage.s3.api.errors import S3Missing
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.cursor import Part, S3Cursor, Segment, StoredObject
from tusd_py.storage.s3.finishing import ObjectHead, find_object, verify_parts
from tusd_py.storage.s3.keys import internal_prefix


async def survey(bucket: Bucket, upload: Upload, entries: Sequence[Entry]) -> Survey:
    """Return the upload as done if its object exists; else at its recorded offset if S3 has all of its bytes, else at
    the highest offset below which S3 has every byte. A final upload without an object is returned unchanged.

    Raises StorageUnavailable; UploadLost if the object of a done upload, or the object, multipart upload or a part of a
    direct one, is gone or was replaced. See `ports.storage.Storage.survey`."""
    cursor = S3Cursor.load(upload.cursor)
    finished = await find_object(bucket, upload, cursor.key)
    if finished is not None:
        return Survey(upload=upload if upload.done else mark_done(upload, cursor, finished), entries=entries)
    if upload.done:
        raise UploadLost(cursor.key)
    if upload.kind is Kind.FINAL:
        return Survey(upload=upload, entries=entries)
    return await _by_parts(bucket, upload, cursor, [Part.from_entry(entry) for entry in entries])


def mark_done(upload: Upload, cursor: S3Cursor, finished: ObjectHead) -> Upload:
    """Return the upload as done, with the length and ETag of the finished object."""
    whole = copy_with(upload, length=finished.length, offset=finished.length)
    return lifecycle.mark_done(whole, cursor.to_finished(StoredObject(etag=finished.etag)))


async def _by_parts(bucket: Bucket, upload: Upload, cursor: S3Cursor, parts: Sequence[Part]) -> Survey:
    listed = await _listed(bucket, cursor)
    verified = verify_parts(parts, listed or [])
    if upload.direct is not None:
        vanished = listed is None and (cursor.multipart is not None or upload.offset > 0)
        if vanished or len(verified) < len(parts):
            raise UploadLost(cursor.key)
        return Survey(upload=upload, entries=[part.to_entry() for part in parts])
    tail = await _tail(bucket, upload, cursor) if len(verified) == len(parts) else ()
    cursor = replace(cursor, multipart=None if listed is None else cursor.multipart, tail=tail, etag=None)
    offset = sum(part.length for part in verified) + cursor.tail_length
    upload = copy_with(reopen(upload, offset), cursor=cursor.dump())
    return Survey(upload=upload, entries=[part.to_entry() for part in verified])


async def _listed(bucket: Bucket, cursor: S3Cursor) -> Sequence[Part] | None:
    """Return the parts that S3 lists, or None if the multipart upload doesn't exist."""
    if cursor.multipart is None:
        return None
    try:
        return await bucket.client.list_parts(cursor.key, cursor.multipart)
    except S3Missing:
        return None


async def _tail(bucket: Bucket, upload: Upload, cursor: S3Cursor) -> tuple[Segment, ...]:
    """Return the recorded segments before the first that is gone or has another size."""
    if not cursor.tail:
        return ()
    prefix = internal_prefix(bucket.options.prefix, upload.id)
    sizes = {listed.key: listed.size async for listed in bucket.client.list_objects(prefix)}
    return tuple(takewhile(lambda segment: sizes.get(segment.key) == segment.length, cursor.tail))
