"""One request in transit through the S3 proxy."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from tests.support.s3request import S3Request
from tests.support.s3strict import S3Error, Strict

HOP_BY_HOP = frozenset({"connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})


@dataclass(slots=True, kw_only=True)
class Call:
    """A request that the proxy got, and the status of its answer."""

    request: S3Request
    began: float = field(default_factory=time.time)
    bytes_in: int = 0
    """The bytes of the body that have come so far, with the framing of a signed stream."""
    status: int | None = None
    """The status that the proxy sends to the client; None until then. It stays None if the action breaks or closes the
    connection instead of answering in full."""

    @property
    def operation(self) -> str:
        return self.request.operation

    @property
    def key(self) -> str:
        return self.request.key


class Exchange:
    """A client's request at the S3 proxy, and the steps from which an action (`s3faults.Action`) makes its answer. The
    step `forward` raises S3Error if the request breaks a rule that `s3strict.Strict` checks."""

    def __init__(
        self, request: web.BaseRequest, call: Call, *, target: str, session: aiohttp.ClientSession, strict: Strict
    ) -> None:
        self._request = request
        self._call = call
        self._target = target
        self._session = session
        self._strict = strict
        self._refusal: S3Error | None = None
        self._received: bytes | None = None
        self.rate = math.inf
        """The limit, in bytes per second, for the request's body, and likewise for that of an answer sent by
        `relay`."""

    @property
    def request(self) -> S3Request:
        return self._call.request

    async def forward(self) -> aiohttp.ClientResponse:
        """Send the request to S3, with the Host and signature of the client, and return S3's answer. Raises S3Error for
        a request that breaks a rule that `s3strict.Strict` checks, or aiohttp.ClientError if S3 gives no answer."""
        self._strict.check_head(self._call.request)
        try:
            answer = await self._session.request(
                self._request.method,
                URL(self._target + self._request.raw_path, encoded=True),
                headers=_end_to_end(self._request.headers),
                data=await self._data(),
                allow_redirects=False,
            )
        except aiohttp.ClientError:
            if self._refusal is not None:
                raise self._refusal from None
            raise
        if answer.ok:
            self._strict.learn(self._call.request)
        return answer

    async def relay(self, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        """Send S3's answer to the client while it comes in, at most at `rate`; return the answer sent. Raises
        aiohttp.ClientError if S3 breaks it off."""
        self._call.status = answer.status
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_end_to_end(answer.headers))
        async with answer:
            await response.prepare(self._request)
            async for chunk in answer.content.iter_any():
                await self._pace(chunk)
                await response.write(chunk)
        await response.write_eof()
        return response

    async def relay_half(self, answer: aiohttp.ClientResponse) -> None:
        """Send the client the head of S3's answer and the first half of its body, with a Content-Length that promises
        more bytes; for a HEAD, send nothing."""
        if self._request.method == "HEAD":
            return await self.swallow(answer)
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_end_to_end(answer.headers))
        async with answer:
            body = await answer.read()
        response.content_length = max(len(body), 1)  # so that an empty body is missed too
        await response.prepare(self._request)
        return await response.write(body[: len(body) // 2])

    async def swallow(self, answer: aiohttp.ClientResponse) -> None:
        """Read S3's answer to its end and send nothing to the client."""
        async with answer:
            await answer.read()

    async def receive(self) -> None:
        """Read and keep the whole body, so that `forward` can send it after the client is gone."""
        self._received = b"".join([chunk async for chunk in self._chunks()])

    async def drain(self) -> None:
        """Read the request's body to its end and forget it."""
        async for _ in self._chunks():
            pass

    def refuse(self, error: S3Error) -> web.Response:
        self._call.status = error.status
        document = f"<?xml version='1.0'?><Error><Code>{error.code}</Code><Message>{error}</Message></Error>"
        response = web.Response(status=error.status, text=document, content_type="application/xml")
        if error.status >= 400:
            response.force_close()
        return response

    def intervene(self, status: int, text: str) -> web.Response:
        """Return an answer with this status and plain text, as from a proxy before S3."""
        self._call.status = status
        return web.Response(status=status, text=text)

    def nod(self) -> web.Response:
        self._call.status = 200
        return web.Response()

    def reset(self) -> web.StreamResponse:
        """Break the client's connection with RST, as after a crash of a machine; the returned answer is never sent."""
        transport = self._request.transport
        if transport is not None:
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        return web.Response()  # for a connection that isn't there any more

    def hang_up(self) -> web.StreamResponse:
        """Close the client's connection after the bytes written so far; the returned answer is never sent."""
        if self._request.transport is not None:
            self._request.transport.close()
        return web.Response()

    async def _data(self) -> AsyncIterator[bytes] | bytes | None:
        if self._received is None and not self._request.can_read_body:
            return None
        if self._call.request.operation != "CompleteMultipartUpload":
            return self._body()
        document = b"".join([chunk async for chunk in self._body()])
        self._strict.check_completion(self._call.request, document.decode())
        return document

    async def _body(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._strict.check_body(self._call.request, self._chunks()):
                yield chunk
        except S3Error as error:
            self._refusal = error  # aiohttp tells the caller of `request` only that the body failed
            raise

    async def _chunks(self) -> AsyncIterator[bytes]:
        if self._received is not None:
            yield self._received
            return
        await self._continue()
        while chunk := await self._request.content.readany():
            self._call.bytes_in += len(chunk)
            await self._pace(chunk)
            yield chunk

    async def _pace(self, chunk: bytes) -> None:
        if self.rate < math.inf:
            await asyncio.sleep(len(chunk) / self.rate)

    async def _continue(self) -> None:
        if self._request.headers.get("Expect", "").lower() == "100-continue":
            await self._request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._request.writer.output_size = 0


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP)
