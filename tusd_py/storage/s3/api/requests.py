"""S3 requests that carry bytes: signed here, sent through aiohttp's client.

Through aiobotocore the same bytes cost about four times the CPU: it copies and hashes each part whole before it sends
it. The payload itself is left unsigned (SigV4): a checksum's header, where one is sent, is signed and protects the
body.
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
from tusd_py.storage.s3.api.errors import REGION_HEADER, S3Error, S3Missing, failure_from_body, translated
from tusd_py.storage.s3.api.signing import Target, encoded, escaped, signed
from tusd_py.storage.s3.api.socket_writer import outlet

Credentials = Callable[[], Awaitable[ReadOnlyCredentials]]

_MIN_RATE = 64 * 1024
"""Bytes a second: a request with a body may take the time that its bytes take at this rate, and `_TIMEOUT_SECONDS`."""
_TIMEOUT_SECONDS = 30.0
"""Seconds that one step may take: to get a connection, also through a proxy, to pass one batch of a body (`_batches`)
to the system, or to wait until S3 sends some bytes. The connect of a socket has only 5 seconds."""
_LARGE = 64 * 1024
"""Bytes from which a body bypasses aiohttp if the socket can be written to directly (`socket_writer.outlet`); the first
chunk of a smaller one is sent together with the request's head."""
_BATCH = 1024 * 1024
"""Bytes to gather before they are sent, of a body that is all in memory; of another, each chunk is sent as it comes."""
_AHEAD = 4
"""The ratio of a request's `step` to aiohttp's `read_bufsize`, which limits how far aiohttp reads ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A request body that can be sent again: `chunks` starts from its first byte each time."""

    length: int
    chunks: Callable[[], AsyncIterator[Chunk]]
    fetched: bool = False
    """True if some of its bytes are read from S3 while the body is sent: the memory budget doesn't count these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """A request on one object of the bucket. `operation` is its name in the S3 API, for errors and metrics."""

    operation: str
    method: str
    key: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: Payload | None = None
    step: int = DEFAULT.step
    """The most bytes of the answer to read from the socket at a time, where its transport allows a limit."""


class _Body(AiohttpPayload):
    """A payload as aiohttp takes it, for one attempt at a request."""

    def __init__(self, payload: Payload) -> None:
        super().__init__(payload)
        self._payload = payload

    @property
    def size(self) -> int:
        return self._payload.length

    @property
    def autoclose(self) -> bool:
        return True

    async def write(self, writer: AbstractStreamWriter) -> None:
        with outlet(writer) if self._payload.length >= _LARGE else nullcontext() as direct:
            async for chunks in _batches(self._payload.chunks(), 0 if self._payload.fetched else _BATCH):
                async with asyncio.timeout(_TIMEOUT_SECONDS):  # aiohttp's own timeouts start once the body is sent
                    await (_write(writer, chunks) if direct is None else direct.send(chunks))

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:  # noqa: ARG002 (aiohttp's signature)
        raise TypeError("a stream has no text")


def _set_step(answer: aiohttp.ClientResponse, step: int) -> None:
    """Limit each read from the answer's socket to `step` bytes, where its transport allows that: with many answers at a
    time, larger reads would take much memory."""
    transport = answer.connection.transport if answer.connection is not None else None
    if transport is not None and hasattr(transport, "max_size"):
        transport.max_size = step


async def _batches(chunks: AsyncIterator[Chunk], min_size: int) -> AsyncIterator[list[Chunk]]:
    """Yield the chunks in lists of at least `min_size` bytes, which spares system calls; the last may be smaller."""
    batch, size = list[Chunk](), 0
    async for chunk in chunks:
        batch.append(chunk)
        size += len(chunk)
        if size >= min_size:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _write(writer: AbstractStreamWriter, chunks: Sequence[Chunk]) -> None:
    for chunk in chunks:
        await writer.write(chunk)


class RawS3:
    """A sender of those requests to one bucket that carry bytes: they are signed here and sent through aiohttp,
    without botocore's client. `base` is the bucket's URL, as botocore resolved it.
    """

    def __init__(self, *, http: aiohttp.ClientSession, base: str, region: str, credentials: Credentials) -> None:
        self._http = http
        url = URL(base.rstrip("/"), encoded=True)
        self._origin, self._host = f"{url.scheme}://{url.raw_authority}", url.host_port_subcomponent or ""
        self._path = url.raw_path.rstrip("/")
        self._region = region
        self._credentials = credentials
        self.writable = False
        """True after S3 took a body; False before that, and after an S3Error, other than S3Missing, for a body."""

    @asynccontextmanager
    async def send(self, request: RawRequest) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send the request once; yield the answer, its body unread, if it is a success. Raises S3Error, also while the
        caller reads the body, and UploadLost if a segment or a partial upload's object that the payload reads is
        gone."""
        length = request.payload.length if request.payload else 0
        timeout = aiohttp.ClientTimeout(
            total=_TIMEOUT_SECONDS + length / _MIN_RATE if request.payload else None,
            connect=_TIMEOUT_SECONDS,  # a proxy may have to connect, too
            sock_connect=5,
            sock_read=_TIMEOUT_SECONDS,
        )
        async with self._recording(request):
            url, headers = await self._sign(request)
            data = _Body(request.payload) if request.payload else None
            async with self._http.request(
                request.method,
                url,
                headers=headers,
                data=data,
                timeout=timeout,
                allow_redirects=False,
                read_bufsize=request.step // _AHEAD,
            ) as answer:
                if answer.status >= 300:  # noqa: PLR2004 (S3 redirects only if the configuration is wrong)
                    body, region = await answer.read(), answer.headers.get(REGION_HEADER)
                    raise failure_from_body(request.operation, answer.status, body, region)
                _set_step(answer, request.step)
                yield answer

    async def reach(self, key: str) -> bool:
        """Send a GetObject to test the HTTP client that sends bodies; return True if the object exists. Raises
        S3Error."""
        try:
            async with self.send(RawRequest(operation="GetObject", method="GET", key=key)) as answer:
                await answer.read()
        except S3Missing as missing:
            if missing.code != "NoSuchKey":  # a proxy sends no such code
                raise
            return False
        return True

    @asynccontextmanager
    async def _recording(self, request: RawRequest) -> AsyncIterator[None]:
        """Turn exceptions into S3Error as `translated` does, and set `writable` if the request has a body: True after
        success, False after an S3Error other than S3Missing. UploadLost, a cancellation, and a request without a body
        change nothing.
        """
        try:
            async with translated(request.operation):
                yield
        except S3Missing:
            raise  # the multipart upload of a part may be gone, though S3 works
        except S3Error:
            self.writable = self.writable and request.payload is None
            raise
        self.writable = self.writable or request.payload is not None

    async def _sign(self, request: RawRequest) -> tuple[URL, dict[str, str]]:
        path, query = f"{self._path}/{escaped(request.key)}", encoded(request.query)
        target = Target(method=request.method, host=self._host, path=path, query=query)
        headers = signed(target, request.headers, await self._credentials(), self._region, datetime.now(UTC))
        return URL(f"{self._origin}{path}{query and '?'}{query}", encoded=True), headers
