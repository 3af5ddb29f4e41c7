"""What the writers and the finishing of one bucket share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field

from tusd_py.domain.errors import UploadLost
from tusd_py.domain.record_json import encode
from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.domain.upload import Upload
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.api.errors import S3Failure
from tusd_py.storage.s3.api.requests import Payload
from tusd_py.storage.s3.attributes import as_headers, encryption_headers, object_params
from tusd_py.storage.s3.checksums import checksum_headers, crc_text
from tusd_py.storage.s3.cursor import Begun, Part, Stored
from tusd_py.storage.s3.options import S3Options
from tusd_py.storage.s3.pieces import Assembly, Piece, payload_of
from tusd_py.storage.s3.tails import Tails
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.read_ahead import ReadAhead


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A client for the bucket, how it is to be used, and the memory there is."""

    client: S3Client
    options: S3Options
    budget: Budget
    tails: Tails
    ahead: ReadAhead
    thresholds: Thresholds = DEFAULT
    segments: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DEFAULT.segments_at_a_time))
    """Those on their way."""
    fetches: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DEFAULT.fetches))

    @property
    def sends_crc(self) -> bool:
        return self.options.profile.checksum == "crc32c"

    @property
    def completes_with_crc(self) -> bool:
        """Each part's CRC-32C has to be repeated at the end."""
        return self.sends_crc and self.options.profile.lists_checksums

    async def create_multipart(self, upload: Upload, key: str) -> Begun:
        """A new multipart upload for the finished object."""
        return await self.client.create_multipart(key, object_params(upload, self.options), crc=self.completes_with_crc)

    async def put_object(self, upload: Upload, key: str, assembly: Assembly) -> Stored:
        """The whole object in one request."""
        headers = as_headers(object_params(upload, self.options))
        checksum = await self._checksum(assembly.pieces, assembly)
        async with self._payload(assembly.pieces) as payload:
            return await self.client.put(key, payload, {**headers, **checksum})

    async def put_segment(self, key: str, piece: Piece) -> Stored:
        """A tail's bytes into an object of their own."""
        headers = {**encryption_headers(self.options), **await self._checksum([piece])}
        async with self.segments, self._payload([piece]) as payload:
            return await self.client.put(key, payload, headers)

    async def put_info(self, upload: Upload, key: str) -> Stored:
        """The upload's record into an object of its own."""
        record = Piece()
        record.add(encode(upload).encode())
        return await self.put_segment(key, record)

    async def upload_part(self, key: str, multipart: str, number: int, assembly: Assembly) -> Part:
        """A part, whole. Raises UploadLost when the multipart upload seems to be gone."""
        headers = await self._checksum(assembly.pieces, assembly)
        try:
            async with self._payload(assembly.pieces) as payload:
                etag = await self.client.upload_part(key, multipart, number, payload, headers)
        except S3Failure as failure:
            if failure.seems_missing:
                raise UploadLost(multipart) from failure
            raise
        return Part(number=number, length=assembly.length, etag=etag, crc=self.part_crc(assembly))

    def part_crc(self, assembly: Assembly) -> str | None:
        """What Complete must repeat for a part with these bytes."""
        return crc_text(assembly.crc) if self.sends_crc else None

    @asynccontextmanager
    async def _payload(self, pieces: Sequence[Piece]) -> AsyncIterator[Payload]:
        """Their bytes, once it is their turn if some must be fetched: a request that S3 waits for would be given up."""
        payload = payload_of(pieces, self.client.get)
        async with self.fetches if payload.fetched else nullcontext():
            yield payload

    async def _checksum(self, pieces: Sequence[Piece], part: Assembly | None = None) -> Mapping[str, str]:
        crc = part.crc if part is not None and self.sends_crc else None
        return await checksum_headers(self.options.profile.checksum, pieces, crc)
