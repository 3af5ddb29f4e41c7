"""Objects that aren't finished ones: segments, objects of partial uploads, and multipart uploads in progress."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.inspection import Leftover
from tusd_py.storage.s3.api.answers import Listed
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.cursor import S3Cursor
from tusd_py.storage.s3.keys import internal_owner, internal_prefix, internal_root, key_pattern
from tusd_py.storage.s3.options import S3Options

_MULTIPART = "?uploadId="
"""The separator between key and UploadId in a multipart upload's name."""


async def find(client: S3Client, options: S3Options) -> AsyncIterator[Leftover]:
    """Yield this server's leftovers: other programs may use the same bucket."""
    async for listed in client.list_objects(internal_root(options.prefix)):
        if owner := internal_owner(listed.key, options.prefix):
            yield Leftover(upload_id=owner, name=listed.key, since=listed.since)
    pattern = key_pattern(prefix=options.prefix, template=options.object_key)
    async for listed in client.list_multiparts(options.prefix):
        match = pattern.fullmatch(listed.key)
        owner = UploadId(match["id"]) if match else internal_owner(listed.key, options.prefix)
        if owner:
            yield Leftover(upload_id=owner, name=_name(listed), since=listed.since)


async def clean(client: S3Client, options: S3Options, upload: Upload) -> None:
    """Remove the upload's objects and multipart uploads that its record doesn't name; all of them if it has ended."""
    cursor = S3Cursor.load(upload.cursor)
    async for listed in client.list_multiparts(cursor.key):
        if listed.key == cursor.key and not (upload.alive and _is_needed(upload, _name(listed))):
            await client.abort_multipart(cursor.key, listed.multipart or "")
    keys = {listed.key async for listed in client.list_objects(internal_prefix(options.prefix, upload.id))}
    await client.delete({key for key in keys if not (upload.alive and _is_needed(upload, key))})


def needs(upload: Upload, leftover: Leftover) -> bool:
    """Return True if the upload needs it: its object once it is finished, and before that all that its cursor names."""
    return _is_needed(upload, leftover.name)


def _is_needed(upload: Upload, name: str) -> bool:
    cursor = S3Cursor.load(upload.cursor)
    if upload.done:
        return name == cursor.key
    multipart = f"{cursor.key}{_MULTIPART}{cursor.multipart}"
    return name in {cursor.key, multipart, *cursor.temporary_keys}


async def remove(client: S3Client, leftover: Leftover) -> None:
    """Abort the multipart upload, or delete the object, that the leftover is."""
    key, multipart = multipart_of(leftover.name)
    if multipart:
        await client.abort_multipart(key, multipart)
    else:
        await client.delete([key])


def multipart_of(name: str) -> tuple[str, str]:
    """Split a leftover's name into its key and its UploadId, which is '' for an object."""
    key, _, multipart = name.partition(_MULTIPART)
    return key, multipart


def _name(listed: Listed) -> str:
    return f"{listed.key}{_MULTIPART}{listed.multipart}"
