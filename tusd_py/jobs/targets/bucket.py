"""A place for copies of uploads, made by jobs of the kind `copy`, in an S3 bucket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass

from tusd_py.domain.errors import StorageUnavailable
from tusd_py.domain.metadata import Metadata
from tusd_py.ports.body import Chunk
from tusd_py.ports.meter import Meter
from tusd_py.serving.media_types import media_type
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.api.connect import connect
from tusd_py.storage.s3.api.errors import S3Missing, S3TransientError
from tusd_py.storage.s3.api.requests import Payload
from tusd_py.storage.s3.attributes import as_headers, storage_params
from tusd_py.storage.s3.cursor import NewMultipart, Part
from tusd_py.storage.s3.options import S3Options
from tusd_py.tasks import wait_out

_PART = 8 * 1024 * 1024
_ABORT_SECONDS = 10.0
"""Seconds in which S3 must abort the multipart upload of a copy that fails. A shutdown may have to wait so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketTarget:
    """A `Target` (`jobs.kinds.copy`) in an S3 bucket. A copy of at most 8 MiB is sent with PutObject, a larger one in a
    multipart upload, whose parts are gathered in memory and sent one at a time."""

    options: S3Options
    meter: Meter

    async def write(self, key: str, size: int, metadata: Metadata, chunks: AsyncGenerator[bytes, None]) -> None:
        part_size = max(_PART, -(-size // self.options.profile.max_parts))
        name = f"{self.options.prefix}{key}"
        params = {**storage_params(self.options), "ContentType": media_type(metadata)}
        async with aclosing(chunks), connect(self.options, self.meter) as connection:
            client, parts = connection.client, _parts(chunks, part_size)
            if size <= part_size:
                data = b"".join([part async for part in parts])
                await client.put(name, _payload(data), as_headers(params))
            else:
                await _write_parts(client, name, params, parts)


async def _write_parts(client: S3Client, key: str, params: Mapping[str, str], parts: AsyncIterator[bytes]) -> None:
    """Write the object in a multipart upload; `params` are those of CreateMultipartUpload. On any error or
    cancellation, tries for 10 seconds to abort the multipart upload, even if this call is cancelled again meanwhile.
    Raises StorageUnavailable, and what `parts` raises."""
    creating = asyncio.create_task(client.create_multipart(key, params, crc=False))
    try:
        multipart = (await asyncio.shield(creating)).multipart
        await _complete(client, key, multipart, await _send(client, key, multipart, parts))
    except BaseException:
        await wait_out(asyncio.create_task(_abort(client, key, creating)))
        raise


async def _send(client: S3Client, key: str, multipart: str, parts: AsyncIterator[bytes]) -> list[Part]:
    parts_sent = list[Part]()
    async for data in parts:
        number = len(parts_sent) + 1
        etag = await client.upload_part(key, multipart, number, _payload(data), {})
        parts_sent.append(Part(number=number, etag=etag, length=len(data)))
        del data  # before the next one gathers
    return parts_sent


async def _abort(client: S3Client, key: str, creating: Awaitable[NewMultipart]) -> None:
    """Abort the multipart upload once `creating` has returned it; give up after 10 seconds, or if the creation or the
    abort fails with StorageUnavailable."""
    with suppress(StorageUnavailable, TimeoutError):
        async with asyncio.timeout(_ABORT_SECONDS):
            await client.abort_multipart(key, (await creating).multipart)


async def _complete(client: S3Client, key: str, multipart: str, parts: list[Part]) -> None:
    """Complete the multipart upload. After an error that leaves open if S3 did it, the multipart upload counts as
    complete if S3 has an object of its size at the key and no longer knows the multipart upload. The size alone proves
    nothing, as an older object at the key may have it. Raises StorageUnavailable."""
    try:
        await client.complete_multipart(key, multipart, parts, total=None)
    except S3TransientError:
        stored = await client.head(key)
        if stored is None or stored["ContentLength"] != sum(part.length for part in parts):
            raise
        with suppress(S3Missing):
            await client.list_parts(key, multipart)
            raise


async def _parts(chunks: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """Yield the bytes of `chunks` in pieces of `size` bytes; the last may be smaller."""
    buffer = bytearray()
    async for chunk in chunks:
        buffer += chunk
        while len(buffer) >= size:
            piece, buffer = bytes(memoryview(buffer)[:size]), buffer[size:]
            yield piece
            del piece  # before the next one gathers
    if buffer:
        yield bytes(buffer)


def _payload(data: bytes) -> Payload:
    async def chunks_of_data() -> AsyncIterator[Chunk]:
        yield data

    return Payload(length=len(data), chunks=chunks_of_data)
