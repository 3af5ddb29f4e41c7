"""Uploads whose record was lost, as far as S3 knows them. For repair alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace

import google_crc32c

from tusd_py.domain.errors import UploadLost
from tusd_py.domain.lifecycle import resume
from tusd_py.domain.record_json import decode
from tusd_py.domain.upload import Kind, Upload, UploadId
from tusd_py.ports.storage import Leftover, Recovered
from tusd_py.storage.s3.api.errors import S3Missing
from tusd_py.storage.s3.cursor import S3Cursor, Segment
from tusd_py.storage.s3.finishing import Found
from tusd_py.storage.s3.keys import info_key, internal_prefix, object_key, segment_offset
from tusd_py.storage.s3.layout import Layout, Stretch, lay_out, likely_grids
from tusd_py.storage.s3.leftovers import multipart_of
from tusd_py.storage.s3.room import Room
from tusd_py.storage.s3.surveying import made


async def recover(room: Room, upload_id: UploadId, leftovers: Sequence[Leftover]) -> Recovered | None:
    """The upload as its leftovers tell it; None if there is nothing to go on with, or its object is there already.

    A finished partial upload is told by its object.
    """
    names = [leftover.name for leftover in leftovers]
    with suppress(S3Missing, UploadLost):  # it was moved on since it was listed
        upload = await _described(room, upload_id, names, since=min(leftover.since for leftover in leftovers))
        cursor = S3Cursor.load(upload.cursor)
        head = await room.client.head(cursor.key)
        if head is not None:
            whole = made(upload, cursor, Found(length=head["ContentLength"], etag=head["ETag"].strip('"')))
            return Recovered(upload=whole) if upload.kind is Kind.PARTIAL else None
        return await _continued(room, upload, cursor, names)
    return None


async def _described(room: Room, upload_id: UploadId, names: Sequence[str], *, since: float) -> Upload:
    """What the info object says, else what names do; without bytes in either case."""
    info = info_key(room.options.prefix, upload_id)
    if info in names:
        told = decode(b"".join([chunk async for chunk in room.client.get(info)]).decode())
        cursor = replace(S3Cursor.load(told.cursor), multipart=None, tail=(), info=info)
        return resume(replace(told, id=upload_id, offset=0, cursor=cursor.dump()))
    objects = {key for key, _ in map(multipart_of, names)}
    kind = Kind.PARTIAL if f"{internal_prefix(room.options.prefix, upload_id)}object" in objects else Kind.REGULAR
    upload = Upload(id=upload_id, kind=kind, length=None, created_at=since, updated_at=since)
    made = object_key(upload, prefix=room.options.prefix, template=room.options.object_key)
    key = next((key for key, multipart in map(multipart_of, names) if multipart), made)
    (grid,) = likely_grids((), (), room.options, room.thresholds)
    return replace(upload, cursor=S3Cursor(key=key, grid=grid).dump())


async def _continued(room: Room, upload: Upload, cursor: S3Cursor, names: Sequence[str]) -> Recovered | None:
    """With the multipart upload that holds most, and the segments that follow."""
    begun: list[str | None] = [id_ for key, id_ in map(multipart_of, names) if id_ and key == cursor.key]
    segments = [found async for found in _segments(room, upload.id)]
    layouts = [(await _layout(room, upload, multipart, segments), multipart) for multipart in begun or [None]]
    best, multipart = max(layouts, key=lambda found: found[0].stop)
    if best.stop == 0 and cursor.info is None:
        return None
    tail = [segment async for segment in _read(room, best.tail)]
    found = replace(cursor, grid=best.grid, multipart=multipart, tail=tuple(tail))
    upload = replace(upload, offset=best.stop, cursor=found.dump())
    return Recovered(
        upload=resume(upload),
        entries=[part.to_entry() for part in best.parts],
    )


async def _layout(room: Room, upload: Upload, multipart: str | None, segments: Sequence[Stretch]) -> Layout:
    cursor = S3Cursor.load(upload.cursor)
    listed = await room.client.list_parts(cursor.key, multipart) if multipart else []
    usable = {part.number: part for part in listed if part.crc is not None or not room.completes_with_crc}
    parts = list(usable.values())
    grids = [cursor.grid] if cursor.info else likely_grids(parts, segments, room.options, room.thresholds)
    return lay_out(parts, segments, grids, upload.length)


async def _segments(room: Room, upload_id: UploadId) -> AsyncIterator[Stretch]:
    async for listed in room.client.list_objects(internal_prefix(room.options.prefix, upload_id)):
        start = segment_offset(listed.key)
        if start is not None:
            yield Stretch(key=listed.key, start=start, stop=start + listed.size)


async def _read(room: Room, tail: Sequence[Stretch]) -> AsyncIterator[Segment]:
    """As the cursor wants them: with the CRC-32C from the part's first byte on."""
    crc = 0
    for stretch in tail:
        async for chunk in room.client.get(stretch.key):
            crc = google_crc32c.extend(crc, chunk)
        yield Segment(key=stretch.key, length=stretch.stop - stretch.start, crc=crc)
