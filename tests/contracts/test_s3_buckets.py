"""Uploads in several buckets of one storage."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest

from devtools.identity import Identity
from tests.support.writing import Sender, content, new_upload, random_bytes, stored
from tusd_py.domain.checkpoint import Cursor
from tusd_py.domain.errors import StorageUnavailable, WrongPair
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.cursor import S3Cursor
from tusd_py.storage.s3.grid import MIB
from tusd_py.storage.s3.options import Profile, S3Options
from tusd_py.storage.s3.storage import S3Storage
from tusd_py.transfer.budget import Budget

PART = 64
BUCKETS = (None, "others")
"""Values of an upload's `bucket`: None for the storage's own bucket, and the name of another."""
ID = UploadId("ab" * 16)
Open = Callable[..., AbstractAsyncContextManager[S3Storage]]


@pytest.fixture
def opened(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Open:
    """A function that opens storages in moto's buckets, all below one prefix that no other test uses."""
    for name, value in Identity(name="any", actions=()).environment().items():
        monkeypatch.setenv(name, value)
    profile, prefix = Profile(min_part=48, lists_checksums=False), f"{uuid.uuid4().hex}/"
    options = S3Options(bucket="uploads", prefix=prefix, endpoint_url=moto_endpoint, profile=profile, part_size=PART)

    @asynccontextmanager
    async def storage(bucket: str = "uploads", more_buckets: Sequence[str] = ("others",)) -> AsyncIterator[S3Storage]:
        chosen = replace(options, bucket=bucket, more_buckets=tuple(more_buckets))
        opened = await S3Storage.open(chosen, Budget(64 * MIB), Meter())
        yield opened
        await opened.aclose()

    return storage


async def unfinished(storage: S3Storage, bucket: str | None) -> Upload:
    """Return an unfinished upload with two parts and a tail, in `bucket` (None: the storage's own)."""
    sender = Sender(storage, random_bytes(4 * PART), new_upload(storage, 4 * PART, bucket=bucket))
    await sender.send(2 * PART + 3)
    return sender.upload


async def test_one_key_in_two_buckets_is_two_objects(opened: Open) -> None:
    async with opened() as storage:
        first, second = [
            await stored(storage, random_bytes(size), place="a b/c", bucket=bucket)
            for size, bucket in zip((5, 3 * PART), BUCKETS, strict=True)
        ]
        places = [storage.locate(upload) for upload in (first, second)]
        assert [place.bucket for place in places] == ["uploads", "others"]
        assert places[0].key == places[1].key
        assert await content(storage, second) == random_bytes(3 * PART)
        await storage.discard(second)
        assert [await storage.occupied(upload) for upload in (first, second)] == [True, False]
        assert await content(storage, first) == random_bytes(5)


@pytest.mark.parametrize("sizes", [(3, 4), (2 * PART, 3 * PART), (3, 2 * PART, 5)])
@pytest.mark.parametrize("bucket", BUCKETS)
async def test_a_final_upload_takes_partials_of_other_buckets(
    opened: Open, sizes: Sequence[int], bucket: str | None
) -> None:
    async with opened() as storage:
        partials = [
            await stored(storage, random_bytes(size), kind=Kind.PARTIAL, bucket=BUCKETS[number % 2])
            for number, size in enumerate(sizes)
        ]
        final = new_upload(storage, sum(sizes), kind=Kind.FINAL, phase=Phase.FINISHING, bucket=bucket)
        finished = await storage.concatenate(final, partials)
        done = replace(final, phase=Phase.DONE, cursor=finished.cursor, etag=finished.etag)
        assert await content(storage, done) == b"".join(map(random_bytes, sizes))
        assert storage.locate(done).bucket == (bucket or "uploads")


async def test_leftovers_of_all_buckets_are_found(opened: Open) -> None:
    async with opened() as storage:
        first, second = [await unfinished(storage, bucket) for bucket in BUCKETS]
        leftovers = [leftover async for leftover in storage.leftovers()]
        for upload in (first, second):
            own = [leftover for leftover in leftovers if leftover.upload_id == upload.id]
            assert len(own) == 2, "a multipart upload and a segment"
            assert all(storage.needs(upload, leftover) for leftover in own)
            elsewhere = replace(upload, cursor=moved(upload.cursor))
            assert not any(storage.needs(elsewhere, leftover) for leftover in own)
        for leftover in leftovers:
            await storage.remove(leftover)
        assert [leftover async for leftover in storage.leftovers()] == []


def moved(cursor: Cursor) -> Cursor:
    """Return the cursor with the other bucket in it: `others` if it was in the storage's own bucket, which a cursor
    doesn't name, and the reverse."""
    parsed = S3Cursor.load(cursor)
    return replace(parsed, bucket="others" if parsed.bucket is None else None).dump()


async def test_an_upload_in_a_removed_bucket_is_not_lost(
    opened: Open,
) -> None:
    async with opened() as storage:
        done, unfinished_upload = await stored(storage, b"abc", bucket="others"), await unfinished(storage, "others")
    async with opened(more_buckets=()) as storage:
        assert storage.locate(done).bucket == "others"
        for request in (
            content(storage, done),
            storage.survey(unfinished_upload, []),
            storage.discard(done),
            storage.clean(unfinished_upload),
        ):
            with pytest.raises(StorageUnavailable, match="others, which isn't in hooks-buckets"):
                await request


async def test_a_bucket_belongs_to_one_installation(opened: Open) -> None:
    async with opened("others", more_buckets=()) as their_storage:
        await their_storage.install(ID)
        async with opened() as storage:
            with pytest.raises(WrongPair, match="belongs to another server"):
                await storage.install(UploadId("cd" * 16))
            with pytest.raises(WrongPair, match="hooks-buckets"):
                await storage.installation()
            with pytest.raises(WrongPair):
                await anext(aiter(storage.leftovers()))


async def test_a_bucket_of_an_installation_is_no_storage_of_its_own(opened: Open) -> None:
    """A storage whose own bucket is the further bucket of an installation has another id than the installation, or it
    would take the uploads in the first bucket for lost. If it has the first as a further bucket, reading its id raises
    WrongPair."""
    async with opened() as storage:
        assert await storage.installation() is None
        await storage.install(ID)
        await storage.install(ID)
        assert await storage.installation() == ID
    async with opened("others", more_buckets=()) as swapped:
        assert await swapped.installation() not in {None, ID}
    async with opened("others", more_buckets=("uploads",)) as swapped:
        with pytest.raises(WrongPair):
            await swapped.installation()
