"""The leftovers in S3: segments, info objects, objects of partial uploads, and multipart uploads in progress."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self

from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.inspection import Leftover
from tusd_py.storage.s3.api.answers import Listed
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.buckets import Buckets
from tusd_py.storage.s3.cursor import S3Cursor
from tusd_py.storage.s3.keys import internal_owner, internal_prefix, internal_root, key_pattern

_MULTIPART = "?uploadId="
"""The separator between key and UploadId in a multipart upload's name."""
_SCHEME = "s3://"
"""The start of the names of items in another bucket than the storage's own; no key of an item starts so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An object, or a multipart upload in progress."""

    bucket: str | None
    """The name by which cursors name the bucket; None for the storage's own."""
    key: str
    multipart: str = ""
    """The UploadId; empty for an object."""

    @property
    def name(self) -> str:
        within = f"{self.key}{_MULTIPART}{self.multipart}" if self.multipart else self.key
        return within if self.bucket is None else f"{_SCHEME}{self.bucket}/{within}"

    @classmethod
    def parse(cls, name: str) -> Self:
        """Return the item with this `Leftover.name`: `KEY`, or `KEY?uploadId=ID` for a multipart upload; in another
        bucket than the storage's own, `s3://BUCKET/` comes first."""
        bucket, within = None, name
        if name.startswith(_SCHEME):
            bucket, _, within = name.removeprefix(_SCHEME).partition("/")
        key, _, multipart = within.partition(_MULTIPART)
        return cls(bucket=bucket, key=key, multipart=multipart)

    @classmethod
    def of(cls, bucket: Bucket, listed: Listed) -> Self:
        return cls(bucket=bucket.cursor_name, key=listed.key, multipart=listed.multipart or "")


async def find(bucket: Bucket) -> AsyncIterator[Leftover]:
    """Yield the bucket's leftovers that are this server's by their keys: other programs may use the same bucket."""
    options = bucket.options
    async for listed in bucket.client.list_objects(internal_root(options.prefix)):
        if owner := internal_owner(listed.key, options.prefix):
            yield Leftover(upload_id=owner, name=Item.of(bucket, listed).name, since=listed.since)
    pattern = key_pattern(prefix=options.prefix, template=options.object_key)
    async for listed in bucket.client.list_multiparts(options.prefix):
        match = pattern.fullmatch(listed.key)
        owner = UploadId(match["id"]) if match else internal_owner(listed.key, options.prefix)
        if owner:
            yield Leftover(upload_id=owner, name=Item.of(bucket, listed).name, since=listed.since)


async def clean(bucket: Bucket, upload: Upload) -> None:
    """Remove the upload's internal objects, and the multipart uploads under its key, except those that it needs (see
    `needs`); if it is terminating or gone, remove all of them. But if it is gone and its key was chosen, abort only the
    multipart upload that its record names: another upload may have the key by now."""
    client, cursor = bucket.client, S3Cursor.load(upload.cursor)
    shared = upload.phase is Phase.GONE and upload.chosen_key is not None
    async for listed in client.list_multiparts(cursor.key):
        foreign = shared and listed.multipart != cursor.multipart
        if listed.key == cursor.key and not (foreign or (upload.alive and _is_needed(upload, Item.of(bucket, listed)))):
            await client.abort_multipart(cursor.key, listed.multipart or "")
    internal = internal_prefix(bucket.options.prefix, upload.id)
    items = [Item.of(bucket, listed) async for listed in client.list_objects(internal)]
    await client.delete({item.key for item in items if not (upload.alive and _is_needed(upload, item))})


def needs(upload: Upload, leftover: Leftover) -> bool:
    """Return True if the upload needs the leftover: a done upload needs only its object, any other all that its cursor
    names."""
    return _is_needed(upload, Item.parse(leftover.name))


def _is_needed(upload: Upload, item: Item) -> bool:
    cursor = S3Cursor.load(upload.cursor)
    if item.bucket != cursor.bucket:
        return False
    if item.multipart:
        return not upload.done and (item.key, item.multipart) == (cursor.key, cursor.multipart)
    return item.key == cursor.key or (not upload.done and item.key in cursor.temporary_keys)


async def remove(buckets: Buckets, leftover: Leftover) -> None:
    """Abort the multipart upload, or delete the object, that the leftover names. No error if it is gone."""
    item = Item.parse(leftover.name)
    client = buckets.find(item.bucket).client
    if item.multipart:
        await client.abort_multipart(item.key, item.multipart)
    else:
        await client.delete([item.key])
