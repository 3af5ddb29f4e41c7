"""What lies in the bucket besides finished objects: segments, objects of partials, multipart uploads in progress."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tusd_py.domain.upload import Upload, UploadId
from tusd_py.ports.storage import Leftover
from tusd_py.storage.s3.api.answers import Listed
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.cursor import S3Cursor
from tusd_py.storage.s3.keys import all_internal, internal_owner, internal_prefix, key_pattern
from tusd_py.storage.s3.options import S3Options

_MULTIPART = "?uploadId="
"""Between key and id in the name of a multipart upload."""


async def find(client: S3Client, options: S3Options) -> AsyncIterator[Leftover]:
    """All of them that are ours: others may keep things in the same bucket."""
    async for listed in client.list_objects(all_internal(options.prefix)):
        if owner := internal_owner(listed.key, options.prefix):
            yield Leftover(upload_id=owner, name=listed.key, since=listed.since)
    ours = key_pattern(prefix=options.prefix, template=options.object_key)
    async for listed in client.list_multiparts(options.prefix):
        found = ours.fullmatch(listed.key)
        owner = UploadId(found["id"]) if found else internal_owner(listed.key, options.prefix)
        if owner:
            yield Leftover(upload_id=owner, name=_name(listed), since=listed.since)


async def clean(client: S3Client, options: S3Options, upload: Upload) -> None:
    """Remove what lies in the upload's places and its record doesn't name; of one that has ended, all there is."""
    cursor = S3Cursor.load(upload.cursor)
    async for begun in client.list_multiparts(cursor.key):
        if begun.key == cursor.key and not (upload.alive and _is_needed(upload, _name(begun))):
            await client.abort_multipart(cursor.key, begun.multipart or "")
    inside = {found.key async for found in client.list_objects(internal_prefix(options.prefix, upload.id))}
    await client.delete({key for key in inside if not (upload.alive and _is_needed(upload, key))})


def needs(upload: Upload, leftover: Leftover) -> bool:
    """A finished upload needs its object alone, which for a partial one is internal; others what their cursor names."""
    return _is_needed(upload, leftover.name)


def _is_needed(upload: Upload, name: str) -> bool:
    cursor = S3Cursor.load(upload.cursor)
    if upload.done:
        return name == cursor.key
    multipart = f"{cursor.key}{_MULTIPART}{cursor.multipart}"
    return name in {cursor.key, multipart, *cursor.beside}


async def remove(client: S3Client, leftover: Leftover) -> None:
    """Abort the multipart upload, or delete the object."""
    key, multipart = multipart_of(leftover.name)
    if multipart:
        await client.abort_multipart(key, multipart)
    else:
        await client.delete([key])


def multipart_of(name: str) -> tuple[str, str]:
    """The key, and S3's id of the multipart upload; an object has none ('')."""
    key, _, multipart = name.partition(_MULTIPART)
    return key, multipart


def _name(listed: Listed) -> str:
    return f"{listed.key}{_MULTIPART}{listed.multipart}"
