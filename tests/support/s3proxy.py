"""A proxy between a server and S3 that counts, is stricter than emulators are, and breaks things when told to."""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from typing import Self

import aiohttp
from aiohttp import web

from tests.support.s3exchange import Call, Exchange
from tests.support.s3faults import Faults
from tests.support.s3request import parse
from tests.support.s3strict import Rules, S3Error, Strict

NOT_OURS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that aiohttp's client would add to a forwarded request; the proxy sends them only if it got them."""


UNREAD = 128 * 1024
"""The size in bytes of the receive buffer, which takes bytes of a body that the proxy doesn't read: as small as it can
be without slowing the proxy. With the send buffer of the client (4 MiB unless configured otherwise) it holds less than
a part, so a stall can begin in the middle of a part."""


class S3Proxy:
    """A proxy before the S3 at the URL `target`: use it as `async with S3Proxy(seaweed.endpoint) as proxy`, and give
    `proxy.endpoint` to the server, an https URL with `tls`. Requests that it forwards must keep `rules`, by default
    `Rules()`."""

    def __init__(self, target: str, *, rules: Rules | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.calls: list[Call] = []
        """Every request since the last `reset`, in the order they came."""
        self.faults = Faults()
        self.endpoint = ""
        self._target = target
        self._tls = tls
        self._strict = Strict(rules or Rules())

    def calls_of(self, upload_id: str) -> list[Call]:
        """Return the requests since the last `reset` whose key contains the id of this upload, thus none that a sweep
        sends for other uploads."""
        return [call for call in self.calls if upload_id in call.key]

    @property
    def upload_calls(self) -> list[Call]:
        """The requests on keys since the last `reset`, without those on the test object of readiness checks and on the
        object with the installation's id."""
        keys = [(call, call.request.key) for call in self.calls]
        return [call for call, key in keys if key and not key.endswith(("/ready", "/installation"))]

    def counts(self) -> Counter[str]:
        """Return the number of requests of each operation since the last `reset`."""
        return Counter(call.operation for call in self.calls)

    def bytes_in(self) -> int:
        """Return the number of body bytes of all requests since the last `reset`."""
        return sum(call.bytes_in for call in self.calls)

    def reset(self) -> None:
        """Forget the calls and the faults, but not the sizes of stored parts, by which completions are checked."""
        self.calls.clear()
        self.faults.clear()

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            timeout=timeout,
            skip_auto_headers=NOT_OURS,
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
        )
        self._session._retry_connection = False  # aiohttp sends GET, PUT and DELETE a second time, unasked
        server = web.Server(
            self._handle,
            auto_decompress=False,
            handler_cancellation=True,
            access_log=None,
            lingering_time=1.0,  # after a refusal, for what the client still sends
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.SockSite(self._runner, _narrow_socket(), ssl_context=self._tls).start()
        self.endpoint = f"http{'s' if self._tls else ''}://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = Call(request=parse(request.method, request.raw_path, request.headers))
        self.calls.append(call)
        exchange = Exchange(request, call, target=self._target, session=self._session, strict=self._strict)
        try:
            return await self.faults.action(call.request)(exchange)
        except S3Error as error:
            return exchange.refuse(error)
        except aiohttp.ClientError:
            return exchange.reset()


def _narrow_socket() -> socket.socket:
    """Return a socket at a free port whose connections inherit its receive buffer of `UNREAD` bytes; without a fixed
    size the system would let the buffer grow."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD)
    listening.bind(("127.0.0.1", 0))
    return listening
