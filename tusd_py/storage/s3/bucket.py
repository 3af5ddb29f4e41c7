"""The bucket as writers and finishing use it: requests that store bytes of uploads, with checksums and limits."""

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
from tusd_py.storage.s3.api.errors import S3Error
from tusd_py.storage.s3.api.presign import Presigner
from tusd_py.storage.s3.api.requests import Payload
from tusd_py.storage.s3.attributes import as_headers, encryption_headers, object_params
from tusd_py.storage.s3.checksums import checksum_headers, crc_text
from tusd_py.storage.s3.cursor import NewMultipart, Part, StoredObject
from tusd_py.storage.s3.options import S3Options
from tusd_py.storage.s3.pieces import Assembly, Piece, payload_of
from tusd_py.storage.s3.tails import TailCache
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.read_ahead import ReadAhead


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A client for one bucket, with the options, memory and limits that all uploads of the storage share."""

    client: S3Client
    presigner: Presigner
    options: S3Options
    cursor_name: str | None = None
    """The name by which cursors name the bucket; None for the storage's own."""
    budget: Budget
    tails: TailCache
    ahead: ReadAhead
    thresholds: Thresholds = DEFAULT
    segments: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DEFAULT.segments_at_a_time))
    """Slots, shared by the storage's buckets: one for each segment or other internal object being sent, of any
    upload."""
    fetches: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DEFAULT.fetches))
    """Slots, shared by the storage's buckets: one for each request whose body is read from stored segments, of any
    upload."""

    @property
    def name(self) -> str:
        """The name for people: `s3://bucket/prefix`."""
        return f"s3://{self.options.bucket}/{self.options.prefix}"

    @property
    def sends_crc(self) -> bool:
        return self.options.profile.checksum == "crc32c"

    @property
    def completes_with_crc(self) -> bool:
        """True if `create_multipart` creates multipart uploads with CRC-32C, unlike those of direct and final uploads;
        CompleteMultipartUpload must then repeat each part's CRC-32C."""
        return self.sends_crc and self.options.profile.lists_checksums

    async def create_multipart(self, upload: Upload, key: str) -> NewMultipart:
        """Create a multipart upload for the finished object."""
        return await self.client.create_multipart(key, object_params(upload, self.options), crc=self.completes_with_crc)

    async def put_object(self, upload: Upload, key: str, assembly: Assembly) -> StoredObject:
        """Store the upload's whole object, the bytes of `assembly`, with its headers and metadata, by one PutObject.
        Raises UploadLost if a segment to read is gone."""
        headers = as_headers(object_params(upload, self.options))
        checksum = await self._checksum(assembly.pieces, assembly)
        async with self._payload(assembly.pieces) as payload:
            return await self.client.put(key, payload, {**headers, **checksum})

    async def put_segment(self, key: str, piece: Piece) -> StoredObject:
        """Store the bytes of `piece`, which are in memory or in stored segments, as an internal object, such as a
        segment: encrypted as objects are, but without metadata. Raises UploadLost if a segment to read is gone."""
        headers = {**encryption_headers(self.options), **await self._checksum([piece])}
        async with self.segments, self._payload([piece]) as payload:
            return await self.client.put(key, payload, headers)

    async def put_info(self, upload: Upload, key: str) -> StoredObject:
        """Store the upload's record as its info object."""
        record = Piece()
        record.add(encode(upload).encode())
        return await self.put_segment(key, record)

    async def upload_part(self, key: str, multipart: str, number: int, assembly: Assembly) -> Part:
        """Upload a whole part, the bytes of `assembly`. Raises UploadLost if the multipart upload, or a segment to
        read, seems to be gone."""
        headers = await self._checksum(assembly.pieces, assembly)
        try:
            async with self._payload(assembly.pieces) as payload:
                etag = await self.client.upload_part(key, multipart, number, payload, headers)
        except S3Error as failure:
            if failure.seems_missing:
                raise UploadLost(multipart) from failure
            raise
        return Part(number=number, length=assembly.length, etag=etag, crc=self.part_crc(assembly))

    def part_crc(self, assembly: Assembly) -> str | None:
        """Return the part's CRC-32C in base64, for CompleteMultipartUpload; None if the profile's checksum is
        another."""
        return crc_text(assembly.crc) if self.sends_crc else None

    @asynccontextmanager
    async def _payload(self, pieces: Sequence[Piece]) -> AsyncIterator[Payload]:
        """Yield the bytes of `pieces`, which are in memory or in stored segments, as a request's body. If the body must
        read segments, first wait for one of the slots for such requests (`fetches`): S3 times out a request that waits
        after its beginning."""
        payload = payload_of(pieces, self.client.get)
        async with self.fetches if payload.fetched else nullcontext():
            yield payload

    async def _checksum(self, pieces: Sequence[Piece], part: Assembly | None = None) -> Mapping[str, str]:
        crc = part.crc if part is not None and self.sends_crc else None
        return await checksum_headers(self.options.profile.checksum, pieces, crc)
