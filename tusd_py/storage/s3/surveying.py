"""Which of an upload's recorded bytes S3 has, by requests that name them and whose answers are S3's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from tusd_py.domain import lifecycle
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.lifecycle import reopen
from tusd_py.domain.upload import Entry, Kind, Upload
from tusd_py.ports.storage import Survey
from tusd_py.storage.s3.api.errors import S3Missing
from tusd_py.storage.s3.cursor import Part, S3Cursor, Segment, Stored
from tusd_py.storage.s3.finishing import Found, kept_parts, stored_object
from tusd_py.storage.s3.keys import internal_prefix
from tusd_py.storage.s3.room import Room


async def survey(room: Room, upload: Upload, entries: Sequence[Entry]) -> Survey:
    """See `storage.base.Storage.survey`. Raises UploadLost."""
    cursor = S3Cursor.load(upload.cursor)
    found = await stored_object(room, upload, cursor.key)
    if found is not None:
        return Survey(upload=upload if upload.done else made(upload, cursor, found), entries=entries)
    if upload.done:
        raise UploadLost(cursor.key)
    if upload.kind is Kind.FINAL:
        return Survey(upload=upload, entries=entries)
    return await _by_parts(room, upload, cursor, [Part.from_entry(entry) for entry in entries])


def made(upload: Upload, cursor: S3Cursor, found: Found) -> Upload:
    """The upload, done by the object that was found."""
    whole = replace(upload, length=found.length, offset=found.length)
    return lifecycle.made(whole, cursor.made(Stored(etag=found.etag)))


async def _by_parts(room: Room, upload: Upload, cursor: S3Cursor, parts: Sequence[Part]) -> Survey:
    listed = await _listed(room, cursor)
    kept = kept_parts(parts, listed or [])
    if upload.direct is not None:
        vanished = listed is None and (cursor.multipart is not None or upload.offset > 0)
        if vanished or len(kept) < len(parts):
            raise UploadLost(cursor.key)
        return Survey(upload=upload, entries=[part.to_entry() for part in parts])
    tail = await _tail(room, upload, cursor) if len(kept) == len(parts) else ()
    there = replace(cursor, multipart=None if listed is None else cursor.multipart, tail=tail, etag=None)
    offset = sum(part.length for part in kept) + there.tail_length
    found = replace(reopen(upload, offset), cursor=there.dump())
    return Survey(upload=found, entries=[part.to_entry() for part in kept])


async def _listed(room: Room, cursor: S3Cursor) -> Sequence[Part] | None:
    """None where S3 knows no such multipart upload."""
    if cursor.multipart is None:
        return None
    try:
        return await room.client.list_parts(cursor.key, cursor.multipart)
    except S3Missing:
        return None


async def _tail(room: Room, upload: Upload, cursor: S3Cursor) -> tuple[Segment, ...]:
    """The recorded segments before the first that is gone."""
    if not cursor.tail:
        return ()
    inside = internal_prefix(room.options.prefix, upload.id)
    sizes = {listed.key: listed.size async for listed in room.client.list_objects(inside)}
    return tuple(takewhile(lambda segment: sizes.get(segment.key) == segment.length, cursor.tail))
