"""The makers of storages for the contract suite of the storage port. A new maker is one more line in STORAGES."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from devtools.identity import Identity
from devtools.seaweed import SeaweedFS
from tusd_py.domain.checkpoint import Cursor
from tusd_py.domain.thresholds import Thresholds
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import parse_upload_id
from tusd_py.ports.inspection import Inspection
from tusd_py.ports.meter import Meter
from tusd_py.ports.storage import Storage
from tusd_py.storage.local.storage import LocalStorage
from tusd_py.storage.memory import MemoryStorage
from tusd_py.storage.s3.grid import MIB
from tusd_py.storage.s3.options import PROFILES, Profile, S3Options
from tusd_py.storage.s3.storage import S3Storage
from tusd_py.transfer.budget import Budget

LOW_DISK = Thresholds(disk_batch=16, disk_checkpoint=64, disk_read=24, disk_copy=40, disk_threads=2)
"""Thresholds of a local disk: two threads, and sizes so low that the small uploads of the tests lie below and above
each of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A storage of one test alone, and the facts about it that the test needs."""

    storage: Storage
    grain: int
    """The size of a part, or the bytes between two checkpoints: tests try lengths near its multiples."""
    max_examples: int
    """The number of examples for each property that Hypothesis tests: fewer for a slow storage."""
    residue: Callable[[], Awaitable[Sequence[str]]]
    """A function that returns the names of all files, objects and multipart uploads in the storage, and of empty
    folders that are named after an upload's id."""

    @property
    def inspection(self) -> Inspection:
        assert self.storage.inspection is not None
        return self.storage.inspection


Maker = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Bench]]


@asynccontextmanager
async def _memory(_: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    storage = MemoryStorage(checkpoint_size=64)

    async def residue() -> Sequence[str]:
        return [*storage._parts, *storage._objects]

    yield Bench(storage=storage, grain=64, max_examples=100, residue=residue)
    await storage.aclose()


@asynccontextmanager
async def _local(request: pytest.FixtureRequest, **chosen: Any) -> AsyncIterator[Bench]:
    root: Path = request.getfixturevalue("tmp_path")
    storage = LocalStorage(root, LOW_DISK, **chosen)

    async def residue() -> Sequence[str]:
        """Return the names, without their folders, of all files, and of empty folders that are named after an upload's
        id."""
        paths = [path for path in root.rglob("*") if path.is_file() or parse_upload_id(path.name)]
        return [path.name for path in paths if path.is_file() or not any(path.iterdir())]

    yield Bench(storage=storage, grain=64, max_examples=25, residue=residue)
    await storage.aclose()


class InAnotherBucket(S3Storage):
    """A storage that starts each upload in the bucket `others`, as if a hook had chosen it, and not in its own
    bucket."""

    def start(self, upload: Upload) -> Cursor:
        return super().start(replace(upload, bucket="others"))


async def _s3_residue(storage: S3Storage, prefix: str) -> Sequence[str]:
    names = list[str]()
    for client in (bucket.client for bucket in storage._buckets):
        names += [str(entry.multipart) async for entry in client.list_multiparts(prefix)]
        names += [entry.key async for entry in client.list_objects(prefix)]
    return names


@asynccontextmanager
async def _s3(
    *,
    identity: Identity,
    endpoint: str,
    profile: Profile,
    part_size: int,
    max_examples: int,
    kind: type[S3Storage] = S3Storage,
    **chosen: Any,
) -> AsyncIterator[Bench]:
    with pytest.MonkeyPatch.context() as patched:
        for name, value in identity.environment().items():
            patched.setenv(name, value)
        prefix = f"{uuid.uuid4().hex}/"
        options = S3Options(
            bucket="uploads",
            prefix=prefix,
            endpoint_url=endpoint,
            profile=profile,
            part_size=part_size,
            concurrency=3,
            **chosen,
        )
        storage = await kind.open(options, Budget(64 * MIB), Meter())
    residue = partial(_s3_residue, storage, prefix)
    yield Bench(storage=storage, grain=part_size, max_examples=max_examples, residue=residue)
    await storage.aclose()


def _moto(request: pytest.FixtureRequest, **chosen: Any) -> AbstractAsyncContextManager[Bench]:
    return _s3(
        identity=Identity(name="any", actions=()),
        endpoint=request.getfixturevalue("moto_endpoint"),
        profile=Profile(min_part=48, lists_checksums=False),
        part_size=64,
        max_examples=12,
        **chosen,
    )


def _seaweed(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Bench]:
    seaweed: SeaweedFS = request.getfixturevalue("seaweed")
    return _s3(
        identity=seaweed.user,
        endpoint=seaweed.endpoint,
        profile=PROFILES["seaweedfs"],
        part_size=5 * MIB,
        max_examples=4,
    )


STORAGES: Mapping[str, Maker] = {
    "memory": _memory,
    "local": _local,
    "local with names": partial(_local, template="{year}/{id}/{month}/{filename}"),
    "moto": _moto,
    "moto with info objects": partial(_moto, info_objects=True),
    "moto in another bucket": partial(_moto, kind=InAnotherBucket, more_buckets=("others",)),
    "seaweed": _seaweed,
}
