"""Many slow writers and a fast one in front of a slow S3, by a simulated clock: a test of fairness, not of speed.

Sizes are small, so that the tests are quick: a byte stands for SCALE bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

from tests.simulation.s3 import ranged
from tests.support.writing import FakeLease
from tusd_py.domain.checkpoint import Checkpoint
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.api.requests import RawRequest
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.cursor import S3Cursor
from tusd_py.storage.s3.grid import MIB, Grid
from tusd_py.storage.s3.options import Profile, S3Options
from tusd_py.storage.s3.tails import TailCache
from tusd_py.storage.s3.writer import S3Writer
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.read_ahead import ReadAhead

SCALE = 256
PIECE = 256 * 1024 // SCALE
PAUSE = 0.5
"""Seconds between two pieces of a slow client."""


@dataclass(slots=True, kw_only=True)
class SlowS3:
    """A stand-in for both clients that `S3Client` uses (aiobotocore's and `RawS3`). Its link carries one request at a
    time, and the answer comes `answers` seconds after the request was carried."""

    rate: float
    """Bytes a second that the link carries, at full scale: SCALE times those that it really carries."""
    answers: float = 0.03
    """The seconds from the end of a request's time on the link to its answer."""
    request_time: float = 0.0005
    """The seconds for which each request occupies the link in addition to the time that its bytes take."""
    _until: float = 0.0
    _stored: dict[str, bytes] = field(default_factory=dict)

    @asynccontextmanager
    async def send(self, request: RawRequest) -> AsyncIterator[Any]:
        if request.payload is not None:
            self._stored[request.key] = b"".join([chunk async for chunk in request.payload.chunks()])
        await self._carry(len(self._stored[request.key]))
        yield _Answer(self._stored[request.key], request.headers.get("Range"))

    async def create_multipart_upload(self, **_: Any) -> Any:
        await self._carry(0)
        return {"UploadId": "multipart"}

    async def _carry(self, size: int) -> None:
        now = asyncio.get_running_loop().time()
        self._until = max(self._until, now) + self.request_time + size * SCALE / self.rate
        await asyncio.sleep(self._until - now + self.answers)


class _Answer:
    def __init__(self, body: bytes, range_header: str | None) -> None:
        self.status, self.content_length = 200 if range_header is None else 206, len(body)
        self.headers = {"ETag": '"etag"'} | ranged(range_header, body)
        self.content = self
        self._body = body

    async def read(self) -> bytes:
        return self._body

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self._body


class Crowd:
    """Clients that write to `s3` through one process, whose memory budget is `budget` bytes at full scale: each byte
    that is really buffered or sent stands for SCALE bytes."""

    def __init__(self, s3: SlowS3, budget: int) -> None:
        allowed = Budget(budget // SCALE)
        options = S3Options(bucket="bucket", profile=Profile(min_part=4), part_size=8 * MIB // SCALE, concurrency=4)
        client = S3Client(cast(Any, s3), cast(Any, s3), "bucket", Meter())
        self._bucket = Bucket(
            client=client,
            presigner=cast(Any, None),
            options=options,
            budget=allowed,
            tails=TailCache(allowed),
            ahead=ReadAhead(allowed),
        )
        self._ids = count()

    async def pour(self, size: int, pause: float, seconds: float) -> int:
        """Write pieces of `size` bytes, SCALE times as many at full scale, to a new upload for `seconds`: one each
        `pause` seconds, or later if they aren't taken so fast. Return the number of bytes that were taken, at full
        scale."""
        written, clock = 0, asyncio.get_running_loop().time
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._writer() as writer:
                due = clock()
                while True:
                    await writer.write(bytes(size))
                    written, due = written + size, due + pause
                    await asyncio.sleep(max(due - clock(), 0))
        return written * SCALE

    def _writer(self) -> S3Writer:
        upload_id = UploadId(f"{next(self._ids):032x}")
        cursor = S3Cursor(key=upload_id, grid=Grid(base=self._bucket.options.part_size)).dump()
        upload = Upload(id=upload_id, length=None, cursor=cursor, times=Times.at_creation(0))
        return S3Writer(self._bucket, upload, _record, FakeLease(), unproven=False)

    def slow(self, many: int, rate: int, seconds: float) -> list[asyncio.Task[int]]:
        """Start a task for each of `many` clients, which sends `rate` bytes a second for `seconds`; the starts are
        spread over PAUSE seconds. Return the tasks: each has as its result the number of bytes taken. Both are at full
        scale: SCALE times the bytes that are really sent."""
        size = int(rate * PAUSE) // SCALE
        return [asyncio.create_task(self._late(PAUSE * n / many, size, seconds)) for n in range(many)]

    async def _late(self, after: float, size: int, seconds: float) -> int:
        await asyncio.sleep(after)
        return await self.pour(size, PAUSE, seconds)


async def _record(_: Checkpoint) -> None:
    """Take checkpoints, and keep none."""
