"""Trial requests, on a test key, of each kind that uploads need: only using a permission shows that it is granted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial

from tusd_py.ports.inspection import Trial
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.api.requests import Payload
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.keys import probe_key


def trials(bucket: Bucket) -> Sequence[Trial]:
    """Return the trials of the bucket, with names for operators."""
    client, prefix = bucket.client, bucket.options.prefix
    runs: Mapping[str, Callable[[], Awaitable[None]]] = {
        "bucket": client.ping,
        "write, read and delete": partial(_object, client, prefix),
        "multipart": partial(_multipart, client, prefix),
        "list": partial(_list, client, prefix),
    }
    return [Trial(name=name, place=bucket.name, run=run) for name, run in runs.items()]


async def _object(client: S3Client, prefix: str) -> None:
    key = probe_key(prefix)
    try:
        await client.put(key, Payload(length=1, chunks=_byte), {})
        async for _ in client.get(key):
            pass
    finally:
        await client.delete([key])


async def _multipart(client: S3Client, prefix: str) -> None:
    key = probe_key(prefix)
    multipart = (await client.create_multipart(key, {}, crc=False)).multipart
    try:
        await client.upload_part(key, multipart, 1, Payload(length=1, chunks=_byte), {})
    finally:
        await client.abort_multipart(key, multipart)


async def _list(client: S3Client, prefix: str) -> None:
    key = probe_key(prefix)
    async for _ in client.list_objects(key):
        pass
    async for _ in client.list_multiparts(key):
        pass


async def _byte() -> AsyncIterator[bytes]:
    yield b"?"
