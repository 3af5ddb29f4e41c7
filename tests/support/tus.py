"""A tus 1.0 client that sends what a test tells it to, wrong things too. Methods that return an Answer accept any;
`create`, `offset`, `content`, `terminate` and `partials` fail if the server refuses."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping

import aiohttp

from tests.support.exchange import Answer, Body, exchange
from tests.support.metrics import total

VERSION = "1.0.0"
OCTETS = "application/offset+octet-stream"
PATIENCE = 15.0
"""Seconds that tests wait at most for an answer, or for the end of a connection. `TusClient` sets no such limit."""
TUS = {"Tus-Resumable": VERSION}
BYTES = {**TUS, "Content-Type": OCTETS}
"""The header fields that every tus request with bytes needs, for test clients that add none themselves; `TUS` has the
one for requests without bytes."""


class TusClient:
    """A client of the creation endpoint `url`.

    Header fields are keywords: `upload_length=5` is `Upload-Length: 5`, and None leaves a field out. `request` sends
    the fields in `always`, such as Tus-Resumable, unless the caller leaves them out with None.
    """

    always: Mapping[str, object] = {"tus_resumable": VERSION}

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].partition("/")[0])

    async def request(self, method: str, url: str, body: Body = None, /, **headers: object) -> Answer:
        return await self.send(method, url, body, header_fields({**self.always, **headers}))

    async def send(self, method: str, url: str, body: Body, fields: Mapping[str, str]) -> Answer:
        """Send a request with these fields and none of `always`; return the answer."""
        return await exchange(self._session, method, url, body, fields)

    async def post(self, body: Body = None, /, **headers: object) -> Answer:
        return await self.request("POST", self.url, body, **headers)

    async def try_create(self, length: int | None, body: Body = b"", /, **headers: object) -> Answer:
        """Create an upload of this length, None for a deferred one, with `body` as its first bytes; return the
        answer."""
        size = {"upload_defer_length": 1} if length is None else {"upload_length": length}
        kind = {"content_type": OCTETS} if body else {}
        return await self.post(body or None, **size, **kind, **headers)

    async def create(self, length: int | None, body: Body = b"", /, **headers: object) -> str:
        """Create an upload and return its URL; fail unless the answer is 201."""
        answer = await self.try_create(length, body, **headers)
        assert answer.status == 201, answer
        return answer.url

    async def patch(self, url: str, offset: object, body: Body, /, **headers: object) -> Answer:
        return await self.request("PATCH", url, body, **{"content_type": OCTETS, "upload_offset": offset, **headers})

    async def head(self, url: str, **headers: object) -> Answer:
        return await self.request("HEAD", url, **headers)

    async def offset(self, url: str) -> int:
        answer = await self.head(url)
        assert answer.status == 200, answer
        return answer.offset

    async def get(self, url: str, **headers: object) -> Answer:
        return await self.request("GET", url, **headers)

    async def fetch(self, url: str, **headers: object) -> Answer:
        """GET as browsers do, without a field of the protocol."""
        return await self.send("GET", url, None, header_fields(headers))

    async def content(self, url: str) -> bytes:
        answer = await self.fetch(url)
        assert answer.status == 200, answer
        return answer.body

    async def delete(self, url: str) -> Answer:
        return await self.request("DELETE", url)

    async def terminate(self, url: str) -> None:
        """Terminate the upload; fail unless the answer is 204."""
        answer = await self.delete(url)
        assert answer.status == 204, answer

    async def metric(self, name: str) -> float:
        """Return the sum over all labels of the server's metric `tusdpy_{name}`; fail if there is no such metric."""
        return total((await self.fetch(f"http://127.0.0.1:{self.port}/metrics")).body.decode(), name)

    async def received(self, count: float) -> None:
        """Wait until the server has received `count` bytes or more of upload bodies since its start. Raises
        TimeoutError after 30 seconds."""

        async def has_arrived() -> bool:
            return await self.metric("received_bytes_total") >= count

        await until(has_arrived)

    async def options(self, url: str | None = None, **headers: object) -> Answer:
        return await self.request("OPTIONS", url or self.url, **{"tus_resumable": None, **headers})

    async def partials(self, *bodies: bytes) -> list[str]:
        """Create a finished partial upload of each body; return their URLs."""
        return [await self.create(len(body), body, upload_concat="partial") for body in bodies]

    async def final(self, *urls: str, **headers: object) -> Answer:
        return await self.post(upload_concat=f"final;{' '.join(urls)}", **headers)


async def until(true: Callable[[], Awaitable[bool]], within: float = 30.0) -> None:
    """Call `true` every 20 ms until it returns True, for what a server in another process can't announce. Raises
    TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while not await true():
            await asyncio.sleep(0.02)


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def header_fields(headers: Mapping[str, object]) -> dict[str, str]:
    """Return the header fields of these keywords: `upload_length=5` as `Upload-Length: 5`; None leaves a field out."""
    return {name.replace("_", "-").title(): str(value) for name, value in headers.items() if value is not None}
