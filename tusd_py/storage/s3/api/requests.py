"""S3 requests that carry bytes: signed here, sent through aiohttp's client.

Through aiobotocore the same bytes cost about four times the CPU: it copies and hashes each part whole before it sends
it. The body's integrity is the signed checksum header's business, so the payload itself goes unsigned (SigV4).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload as AiohttpPayload
from botocore.credentials import ReadOnlyCredentials
from yarl import URL

from tusd_py.domain.thresholds import DEFAULT
from tusd_py.ports.body import Chunk
from tusd_py.storage.s3.api.errors import REGION_HEADER, S3Failure, S3Missing, failure_from_body, translated
from tusd_py.storage.s3.api.signing import Target, encoded, escaped, signed
from tusd_py.storage.s3.api.socket_writer import outlet

Credentials = Callable[[], Awaitable[ReadOnlyCredentials]]

_LEAST_RATE = 64 * 1024
"""Bytes a second below which a transfer counts as stalled."""
_PATIENCE = 30.0
_LARGE = 64 * 1024
"""Bytes of a body from which on it has an outlet; a smaller one goes out with its head."""
_BATCH = 1024 * 1024
_AHEAD = 4
"""The fraction of a step above which aiohttp reads no more of an answer until some is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A request body that can be sent again: `chunks` starts from its first byte each time."""

    length: int
    chunks: Callable[[], AsyncIterator[Chunk]]
    fetched: bool = False
    """Its bytes are read while they are sent, and counted in no budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """One request, for the key of an object in the bucket."""

    operation: str
    method: str
    key: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: Payload | None = None
    step: int = DEFAULT.step
    """Most bytes of its answer that are read at a time."""


class _Body(AiohttpPayload):
    """Starts anew each time it is written: aiohttp repeats a PUT by itself when a kept-alive connection was dead."""

    _autoclose = True

    def __init__(self, payload: Payload) -> None:
        super().__init__(payload)
        self._size = payload.length

    async def write(self, writer: AbstractStreamWriter) -> None:
        with outlet(writer) if self._value.length >= _LARGE else nullcontext() as direct:
            async for chunks in _batches(self._value.chunks(), 0 if self._value.fetched else _BATCH):
                async with asyncio.timeout(_PATIENCE):  # aiohttp's own limits begin once the body is out
                    await (_write(writer, chunks) if direct is None else direct.send(chunks))

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:  # noqa: ARG002 (aiohttp asks for it)
        raise TypeError("a stream has no text")


def _set_step(answer: aiohttp.ClientResponse, step: int) -> None:
    """Where asyncio lets us: what is read at a time is all held, and there may be many answers."""
    transport = answer.connection.transport if answer.connection is not None else None
    if transport is not None and hasattr(transport, "max_size"):
        transport.max_size = step


async def _batches(chunks: AsyncIterator[Chunk], least: int) -> AsyncIterator[list[Chunk]]:
    """So many at a time that one system call takes at least so many bytes."""
    batch, size = list[Chunk](), 0
    async for chunk in chunks:
        batch.append(chunk)
        size += len(chunk)
        if size >= least:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _write(writer: AbstractStreamWriter, chunks: Sequence[Chunk]) -> None:
    for chunk in chunks:
        await writer.write(chunk)


class RawS3:
    """Sends raw requests to one bucket. `base` is the bucket's URL, as botocore resolved it."""

    def __init__(self, *, http: aiohttp.ClientSession, base: str, region: str, credentials: Credentials) -> None:
        self._http = http
        url = URL(base.rstrip("/"), encoded=True)
        self._origin, self._host = f"{url.scheme}://{url.raw_authority}", url.host_port_subcomponent or ""
        self._path = url.raw_path.rstrip("/")
        self._region = region
        self._credentials = credentials
        self.writable = False
        """S3 took the last body that it was sent. Not known, and so not said, before the first."""

    @asynccontextmanager
    async def send(self, request: RawRequest) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer, once it is a success; its body is still to be read. Raises S3Failure and its kin."""
        length = request.payload.length if request.payload else 0
        timeout = aiohttp.ClientTimeout(
            total=_PATIENCE + length / _LEAST_RATE if request.payload else None,
            connect=_PATIENCE,  # a proxy takes part in it
            sock_connect=5,
            sock_read=_PATIENCE,
        )
        async with self._followed(request):
            url, headers = await self._sign(request)
            body = _Body(request.payload) if request.payload else None
            async with self._http.request(
                request.method,
                url,
                headers=headers,
                data=body,
                timeout=timeout,
                allow_redirects=False,
                read_bufsize=request.step // _AHEAD,
            ) as answer:
                if answer.status >= 300:  # noqa: PLR2004 (S3 redirects only what is configured wrongly)
                    told = await answer.read(), answer.headers.get(REGION_HEADER)
                    raise failure_from_body(request.operation, answer.status, *told)
                _set_step(answer, request.step)
                yield answer

    async def reach(self, key: str) -> None:
        """GetObject of what need not be there: S3's own word that it isn't comes the way that bytes go."""
        try:
            async with self.send(RawRequest(operation="GetObject", method="GET", key=key)) as answer:
                await answer.read()
        except S3Missing as missing:
            if missing.code != "NoSuchKey":  # which no proxy says
                raise

    @asynccontextmanager
    async def _followed(self, request: RawRequest) -> AsyncIterator[None]:
        try:
            async with translated(request.operation):
                yield
        except S3Missing:
            raise  # what a part belongs to may be gone, and all is well
        except S3Failure:
            self.writable = self.writable and request.payload is None
            raise
        self.writable = self.writable or request.payload is not None

    async def _sign(self, request: RawRequest) -> tuple[URL, dict[str, str]]:
        path, query = f"{self._path}/{escaped(request.key)}", encoded(request.query)
        target = Target(method=request.method, host=self._host, path=path, query=query)
        headers = signed(target, request.headers, await self._credentials(), self._region, datetime.now(UTC))
        return URL(f"{self._origin}{path}{query and '?'}{query}", encoded=True), headers
