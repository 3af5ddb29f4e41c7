"""From recorded bytes to the finished object. Every step may be repeated; every doubt is settled by looking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tusd_py.domain.errors import UploadLost
from tusd_py.domain.upload import Entry, Finished, Upload
from tusd_py.storage.s3.api.errors import S3Failure, S3Missing, S3Trouble
from tusd_py.storage.s3.attributes import UPLOAD_ID
from tusd_py.storage.s3.cursor import Part, S3Cursor, Stored
from tusd_py.storage.s3.pieces import Assembly
from tusd_py.storage.s3.room import Room


async def finish(room: Room, upload: Upload, entries: Sequence[Entry]) -> Finished:
    """The finished object of a full upload, made if need be. Raises UploadLost."""
    cursor = S3Cursor.load(upload.cursor)
    if cursor.etag is not None:
        return cursor.made(Stored(etag=cursor.etag))
    if upload.length == 0 and upload.direct is None:
        cursor = replace(cursor, multipart=None)  # S3 completes none without a part; the sweep removes what was begun
    return cursor.made(await _make(room, upload, cursor, [Part.from_entry(entry) for entry in entries]))


async def _make(room: Room, upload: Upload, cursor: S3Cursor, parts: list[Part]) -> Stored:
    if upload.direct is not None:
        return await _make_direct(room, upload, cursor, parts)
    tail = room.tails.take(upload.id, cursor.tail)
    if cursor.multipart is None:
        return await room.put_object(upload, cursor.key, tail)
    try:
        etag = await _complete(room, upload, cursor, cursor.multipart, parts, tail)
    except (S3Missing, S3Trouble, UploadLost) as doubt:  # it may be made, and its multipart upload gone with that
        etag = await _found(room, upload, cursor.key, doubt)
    return Stored(etag=etag)


async def _make_direct(room: Room, upload: Upload, cursor: S3Cursor, parts: Sequence[Part]) -> Stored:
    """Its bytes never came by here, so its object is looked at in any case."""
    if cursor.multipart is not None:
        try:
            await complete(room, upload, cursor.key, cursor.multipart, parts)
        except (S3Missing, S3Trouble, UploadLost) as doubt:
            return Stored(etag=await _found(room, upload, cursor.key, doubt))
    return Stored(etag=await settle(room, upload, cursor.key, UploadLost(cursor.key)))


async def _complete(
    room: Room, upload: Upload, cursor: S3Cursor, multipart: str, parts: list[Part], tail: Assembly
) -> str:
    if tail.length:
        number, _ = cursor.grid.part_at(upload.offset - tail.length)
        parts = [*parts, await room.upload_part(cursor.key, multipart, number, tail)]
    return await complete(room, upload, cursor.key, multipart, parts)


async def complete(room: Room, upload: Upload, key: str, multipart: str, parts: Sequence[Part]) -> str:
    """CompleteMultipartUpload until it is certain; returns the object's ETag. Raises S3Missing, UploadLost."""
    total = upload.length if room.options.profile.total_size else None
    attempt, most = 0, room.thresholds.completions
    while True:
        attempt += 1
        try:
            return await room.client.complete_multipart(key, multipart, parts, total=total)
        except S3Trouble:
            if (found := await look(room, upload, key)) is not None:
                return found
            if attempt == most:
                await room.client.list_parts(key, multipart)  # S3Missing, where S3 only knows to say 500
                raise
        except S3Failure as failure:
            if failure.code != "InvalidPart" or attempt == most:
                raise
            parts = await as_they_are(room, key, multipart, parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finished object, looked at."""

    length: int
    etag: str


async def stored_object(room: Room, upload: Upload, key: str) -> Found | None:
    """The object under `key` if it is this upload's, with its length where that is known; else None."""
    head = await room.client.head(key)
    if head is None or upload.length not in (None, head["ContentLength"]):
        return None
    if head["Metadata"].get(UPLOAD_ID) != upload.id:
        return None
    found = Found(length=head["ContentLength"], etag=head["ETag"].strip('"'))
    return None if _replaced(upload, found) else found


def _replaced(upload: Upload, found: Found) -> bool:
    """By a client, who may send what was signed again, with other bytes. Another ETag of what came through this server
    is a write of its own that landed twice, with the same bytes."""
    return upload.direct is not None and S3Cursor.load(upload.cursor).etag not in (None, found.etag)


async def look(room: Room, upload: Upload, key: str) -> str | None:
    """The ETag of the object under `key` if it is this upload's, whole; else None."""
    found = await stored_object(room, upload, key)
    return None if found is None else found.etag


async def settle(room: Room, upload: Upload, key: str, doubt: Exception) -> str:
    """The object's ETag if it exists after all. Raises UploadLost: without object or parts there is nothing left."""
    found = await look(room, upload, key)
    if found is None:
        raise UploadLost(key) from doubt
    return found


async def _found(room: Room, upload: Upload, key: str, doubt: Exception) -> str:
    """The object's ETag if it exists after all; else what was in doubt is so."""
    if not isinstance(doubt, S3Trouble):
        return await settle(room, upload, key, doubt)
    found = await look(room, upload, key)
    if found is None:
        raise doubt
    return found


async def as_they_are(room: Room, key: str, multipart: str, parts: Sequence[Part]) -> list[Part]:
    """The recorded parts with the ETags they have now. Raises UploadLost if one is gone or holds other bytes."""
    kept = kept_parts(parts, await room.client.list_parts(key, multipart))
    if len(kept) < len(parts):
        raise UploadLost(key)
    return kept


def kept_parts(parts: Sequence[Part], listed: Sequence[Part]) -> list[Part]:
    """The recorded parts before the first that isn't listed or holds other bytes, with the ETags they have now.

    A part that was given up, sent again and then landed after all has the same bytes, but with SSE-KMS another ETag.
    """
    there = {part.number: part for part in listed}
    kept = list[Part]()
    for part in parts:
        now = there.get(part.number)
        if now is None or not now.same_as(part):
            break
        kept.append(now)
    return kept
