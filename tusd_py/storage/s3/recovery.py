"""The recovery of uploads whose record was lost, from their leftovers in S3. Only `repair` uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace

import google_crc32c

from tusd_py.domain.copying import copy_with
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.lifecycle import resume
from tusd_py.domain.record_json import decode
from tusd_py.domain.upload import Kind, Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.inspection import Leftover, Recovered
from tusd_py.storage.s3.api.errors import S3Missing
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.buckets import Buckets
from tusd_py.storage.s3.cursor import S3Cursor, Segment
from tusd_py.storage.s3.finishing import ObjectHead
from tusd_py.storage.s3.keys import info_key, internal_prefix, object_key, segment_offset
from tusd_py.storage.s3.layout import Layout, SegmentRange, lay_out, likely_grids
from tusd_py.storage.s3.leftovers import Item
from tusd_py.storage.s3.surveying import mark_done


async def recover(buckets: Buckets, upload_id: UploadId, leftovers: Sequence[Leftover]) -> Recovered | None:
    """Return the unfinished upload, rebuilt from its leftovers, which are all in one bucket; None if they hold neither
    bytes nor an info object, if an object, of any upload or program, has the key of its finished object, or if they are
    gone meanwhile.

    But if a partial upload has its finished object, return it as done. Raises StorageUnavailable.
    """
    items = [Item.parse(leftover.name) for leftover in leftovers]
    bucket = buckets.find(items[0].bucket)
    with suppress(S3Missing, UploadLost):  # the upload continued or ended since the listing
        upload = await _described(bucket, upload_id, items, since=min(leftover.since for leftover in leftovers))
        cursor = S3Cursor.load(upload.cursor)
        head = await bucket.client.head(cursor.key)
        if head is not None:
            done = mark_done(upload, cursor, ObjectHead(length=head["ContentLength"], etag=head["ETag"].strip('"')))
            return Recovered(upload=done) if upload.kind is Kind.PARTIAL else None
        multiparts = await _multiparts(bucket, upload, cursor, items)
        return await _with_bytes(bucket, upload, cursor, multiparts or [None])
    return None


async def _described(bucket: Bucket, upload_id: UploadId, items: Sequence[Item], *, since: float) -> Upload:
    """Return the upload as its info object records it, else as its leftovers' names imply; at offset 0 in either
    case. Raises UploadLost if the info object is gone meanwhile.

    `since` is taken as the time of the upload's creation, in seconds since the epoch, if there is no info object.
    """
    info = info_key(bucket.options.prefix, upload_id)
    objects = {item.key for item in items}
    if info in objects:
        recorded = decode(b"".join([chunk async for chunk in bucket.client.get(info)]).decode())
        cursor = replace(S3Cursor.load(recorded.cursor), tail=(), info=info, bucket=bucket.cursor_name)
        return resume(copy_with(recorded, id=upload_id, offset=0, bucket=bucket.cursor_name, cursor=cursor.dump()))
    kind = Kind.PARTIAL if f"{internal_prefix(bucket.options.prefix, upload_id)}object" in objects else Kind.REGULAR
    upload = Upload(id=upload_id, kind=kind, length=None, times=Times.at_creation(since))
    default_key = object_key(upload, prefix=bucket.options.prefix, template=bucket.options.object_key)
    key = next((item.key for item in items if item.multipart), default_key)
    (grid,) = likely_grids((), (), bucket.options, bucket.thresholds)
    cursor = S3Cursor(key=key, grid=grid, bucket=bucket.cursor_name)
    return copy_with(upload, bucket=bucket.cursor_name, cursor=cursor.dump())


async def _multiparts(bucket: Bucket, upload: Upload, cursor: S3Cursor, items: Sequence[Item]) -> Sequence[str | None]:
    """Return the UploadIds of the multipart uploads for the upload's object (each a text, never None); empty if there
    are none.

    Without an info object, they are those that `items` name under the key. With one, they are those that S3 lists under
    the key that the info object names: the setting `object-key` may have changed since. If a hook or a credential chose
    or prefixed that key, the key doesn't tell whose they are: then only the UploadId that the info object names is
    returned, if it still exists.
    """
    if cursor.info is None:
        return [item.multipart for item in items if item.multipart and item.key == cursor.key]
    listing = bucket.client.list_multiparts(cursor.key)
    existing = [listed.multipart async for listed in listing if listed.key == cursor.key]
    return [multipart for multipart in existing if upload.key_tells_id or multipart == cursor.multipart]


async def _with_bytes(
    bucket: Bucket, upload: Upload, cursor: S3Cursor, multiparts: Sequence[str | None]
) -> Recovered | None:
    """Return the upload with the most bytes, from the first on without a gap, that the segments and one of the
    multipart uploads give.

    `multiparts` are the UploadIds to try; None stands for segments alone. Return None if there are neither
    bytes nor an info object. Raises S3Missing or UploadLost if a multipart upload or a segment is gone meanwhile.
    """
    segments = [segment async for segment in _segments(bucket, upload.id)]
    layouts = [(await _layout(bucket, upload, multipart, segments), multipart) for multipart in multiparts]
    best, multipart = max(layouts, key=lambda candidate: candidate[0].stop)
    if best.stop == 0 and cursor.info is None:
        return None
    tail = [segment async for segment in _hashed(bucket, best.tail)]
    cursor = replace(cursor, grid=best.grid, multipart=multipart, tail=tuple(tail))
    upload = copy_with(upload, offset=best.stop, cursor=cursor.dump())
    return Recovered(
        upload=resume(upload),
        entries=[part.to_entry() for part in best.parts],
    )


async def _layout(bucket: Bucket, upload: Upload, multipart: str | None, segments: Sequence[SegmentRange]) -> Layout:
    cursor = S3Cursor.load(upload.cursor)
    listed = await bucket.client.list_parts(cursor.key, multipart) if multipart else []
    usable = {part.number: part for part in listed if part.crc is not None or not bucket.completes_with_crc}
    parts = list(usable.values())
    grids = [cursor.grid] if cursor.info else likely_grids(parts, segments, bucket.options, bucket.thresholds)
    return lay_out(parts, segments, grids, upload.length)


async def _segments(bucket: Bucket, upload_id: UploadId) -> AsyncIterator[SegmentRange]:
    async for listed in bucket.client.list_objects(internal_prefix(bucket.options.prefix, upload_id)):
        start = segment_offset(listed.key)
        if start is not None:
            yield SegmentRange(key=listed.key, start=start, stop=start + listed.size)


async def _hashed(bucket: Bucket, tail: Sequence[SegmentRange]) -> AsyncIterator[Segment]:
    """Read the segments of a tail, and yield each with the CRC-32C from the part's first byte to the segment's end.
    Raises UploadLost if one is gone."""
    crc = 0
    for stretch in tail:
        async for chunk in bucket.client.get(stretch.key):
            crc = google_crc32c.extend(crc, chunk)
        yield Segment(key=stretch.key, length=stretch.stop - stretch.start, crc=crc)
