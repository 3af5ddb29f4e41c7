"""A client of Resumable Uploads for HTTP in any interop version. It sends what a test tells it to, wrong things too,
and checks no answer but where a method says so."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.support.exchange import Answer
from tests.support.raw import RawAnswer, RawConnection
from tests.support.tus import TusClient

PARTIAL = "application/partial-upload"
NEWEST = 8
VERSIONS = [3, 4, 5, 6, 7, 8]


class RufhClient(TusClient):
    """A client that sends `version` in Upload-Draft-Interop-Version instead of Tus-Resumable, with every request but
    those of `send` and `fetch`, unless the caller gives that field; neither field if `version` is None."""

    def __init__(self, session: aiohttp.ClientSession, url: str, version: int | None = NEWEST) -> None:
        super().__init__(session, url)
        self.version = version
        self.always = {"upload_draft_interop_version": version}

    def at(self, version: int | None) -> RufhClient:
        """Return a new client with the same session and URL that sends this version."""
        return RufhClient(self._session, self.url, version)

    def completes(self, complete: bool) -> dict[str, object]:  # noqa: FBT001  it is the field's value
        """Return the field that declares the upload complete or incomplete: Upload-Incomplete in version 3, else
        Upload-Complete."""
        if self.version == 3:
            return {"upload_incomplete": "?0" if complete else "?1"}
        return {"upload_complete": "?1" if complete else "?0"}

    async def begin(self, body: bytes = b"", /, *, complete: bool = False, **headers: object) -> Answer:
        """Create an upload with `body` as its first bytes, or as all of them if `complete`; return the answer."""
        return await self.post(body, **self.completes(complete), **headers)

    async def begin_unfinished(self, body: bytes = b"", /, **headers: Any) -> str:
        """Create an upload that is incomplete after `body` and return its URL; fail unless the answer is 201."""
        answer = await self.begin(body, **headers)
        assert answer.status == 201, answer
        return answer.url

    async def append(self, url: str, offset: object, body: bytes, /, *, complete: bool, **headers: object) -> Answer:
        return await self.patch(url, offset, body, **{"content_type": PARTIAL, **self.completes(complete), **headers})

    async def state(self, url: str) -> tuple[int, bool]:
        """Return the offset of the upload, and True if it is complete, from a HEAD; fail unless the answer is 204."""
        answer = await self.head(url)
        assert answer.status == 204, answer
        return answer.offset, self.complete(answer)

    def complete(self, answer: Answer) -> bool:
        if self.version == 3:
            return answer.headers["Upload-Incomplete"] == "?0"
        return {"?0": False, "?1": True}[answer.headers["Upload-Complete"]]


def problem(answer: Answer | RawAnswer) -> Any:
    """Return the answer's problem details, parsed; fail unless its type is application/problem+json."""
    kind = {name.lower(): value for name, value in answer.headers.items()}["content-type"]
    assert kind == "application/problem+json", answer
    return json.loads(answer.body)


def limits(answer: Answer) -> dict[str, int]:
    """Return the limits in the answer's Upload-Limit field, by their names."""
    pairs = (pair.strip().split("=") for pair in answer.headers["Upload-Limit"].split(","))
    return {name: int(value) for name, value in pairs}


async def ask(connection: RawConnection, method: str, url: str, /, **fields: object) -> None:
    """Send the head of a request, in the newest interop version and with the Content-Type `application/partial-upload`
    for a PATCH, unless `fields` say otherwise."""
    usual: dict[str, object] = {"tus_resumable": None, "upload_draft_interop_version": NEWEST}
    usual["host"] = urlsplit(url).netloc
    if method == "PATCH":
        usual["content_type"] = PARTIAL
    await connection.head(method, url, **{**usual, **fields})


async def answers(connection: RawConnection) -> list[RawAnswer]:
    """Return the interim answers and, as the last one, the final answer."""
    replies = [await connection.answer()]
    while replies[-1].status < 200:
        replies.append(await connection.answer())
    return replies
