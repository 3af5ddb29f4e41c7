"""A receiver of hooks and events over HTTP, which gives the answers that a test sets and stores the requests."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import time
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict

Answer = Callable[["Arrival"], web.StreamResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request that the receiver got; `at` is its time in seconds since 1970."""

    path: str
    headers: CIMultiDict[str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass(kw_only=True)
class Receiver:
    """A receiver that stores requests and gives the answers in `answers`, one after the other, then `always`. An answer
    None is a 200 with the JSON `{}`, the answer of a tusd hook that objects to nothing."""

    url: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    answers: list[Answer | str] = field(default_factory=list)
    """The next answers. `"hang"` waits for `released` and then answers 200; `"cut"` breaks the connection."""
    always: Answer | str | None = None
    """The answer once `answers` are used up."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to let the requests that hang be answered."""
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait(self, count: int, seconds: float = 20.0) -> list[Arrival]:
        """Return the first `count` arrivals once the receiver has got so many. Raises TimeoutError after `seconds`."""
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.arrivals) >= count)
        return self.arrivals[:count]

    async def until(self, enough: Callable[[list[Arrival]], bool], seconds: float = 20.0) -> list[Arrival]:
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: enough(self.arrivals))
        return self.arrivals

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        arrival = Arrival(path=request.path_qs, headers=request.headers.copy(), body=body, at=time())
        self.arrivals.append(arrival)
        async with self._arrived:
            self._arrived.notify_all()
        return await self._answer(request, arrival)

    async def _answer(self, request: web.Request, arrival: Arrival) -> web.StreamResponse:
        answer = self.answers.pop(0) if self.answers else self.always
        if answer == "hang":
            await self.released.wait()
        if answer == "cut" and request.transport is not None:
            request.transport.abort()
        return web.json_response({}) if answer is None or isinstance(answer, str) else answer(arrival)


def status(code: int, **headers: str) -> Answer:
    """Return an answer with this status and these header fields, `_` in their names for `-`."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.Response(status=code, headers=fields)


@asynccontextmanager
async def receiving(port: int | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver for as long as the block lasts."""
    receiver = Receiver()
    app = web.Application(client_max_size=1 << 22)
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    server = TestServer(app, port=port, scheme="https" if tls else "http", host="127.0.0.1")
    await server.start_server(ssl=tls)
    receiver.url = str(server.make_url("/hook"))
    try:
        yield receiver
    finally:
        receiver.released.set()
        await server.close()
