"""A client of Resumable Uploads for HTTP, in one of its versions."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from tests.storm.client import SOON, UploadClient
from tests.storm.contents import Content
from tests.storm.history import Breach
from tests.storm.talk import PATIENCE, Reply, Talk
from tests.support.raw import requesting
from tests.support.rufh import PARTIAL, VERSIONS

_BUSY_503 = 7
"""The first interop version in which a HEAD may be answered 503."""
_TYPED = 6
"""The first interop version in which a PATCH has the content type application/partial-upload."""
_MOST_REQUESTS = 200


class IetfClient(UploadClient):
    """A client that says which request is the last one: the one with the last bytes, or one without any."""

    def __init__(self, talk: Talk, content: Content, lifetime: float) -> None:
        super().__init__(talk, content, lifetime)
        self.version = self.dice.choice(VERSIONS)
        self._says_length = self.dice.random() < 0.6
        self._even = max(round(2 ** self.dice.uniform(10, 23.9)), content.size // _MOST_REQUESTS)
        self._ends_empty = self.dice.random() < 0.2 and not self._says_length

    def marks(self) -> dict[str, object]:
        return {"Upload_Draft_Interop_Version": self.version}

    def _completes(self, complete: bool) -> dict[str, object]:  # noqa: FBT001 (it is the field's value)
        if self.version == 3:
            return {"Upload_Incomplete": "?0" if complete else "?1"}
        return {"Upload_Complete": "?1" if complete else "?0"}

    async def create(self) -> None:
        while not self.upload.url:
            await self._create()

    async def _create(self) -> None:
        end = self.dice.choice((0, 0, self._end(0)))
        fields = {"Upload_Length": self.content.size} if self._says_length else {}
        name_fields = {
            "Content_Disposition": f'attachment; filename="{self.name}"',
            "Content_Type": "application/x-storm",
        }
        last = self._completes(self._is_last(end))
        self.upload.sent_to = end
        reply = await self.talk.ask(
            "POST", self.talk.endpoint(), self.content.slice(0, end), **self.marks(), **last, **fields, **name_fields
        )
        if reply is None or self.passes(reply):
            self.talk.tally.counts["creations tried again"] += 1
            await asyncio.sleep(self.dice.uniform(*SOON))
            return
        if reply.status != 201:
            raise Breach(f"{reply.status} to a creation")
        self.upload.url = reply.headers["Location"]
        self._note(reply, end, moved=True)

    def _end(self, begin: int) -> int:
        if self.talk.hurried:
            return self.content.size
        return min(begin + self._even, self.content.size)

    def _is_last(self, end: int) -> bool:
        return end == self.content.size and not self._ends_empty

    async def look(self) -> bool:
        floor = self.upload.acknowledged
        reply = await self.talk.ask("HEAD", self.talk.anywhere(self.upload.url), **self.marks())
        if reply is None:
            return False
        match reply.status:
            case 204:
                self._note(reply, floor)
            case 404 | 410:
                self.upload.check_gone(reply)
            case 423:
                self.passes(reply)
            case 503 if self.version >= _BUSY_503:
                self.passes(reply)
            case _:
                raise Breach(f"{reply.status} to a HEAD")
        return reply.status == 204

    def _note(self, reply: Reply, floor: int, *, moved: bool = False) -> None:
        self.upload.hear(reply.offset, floor)
        self.upload.stays(reply, moved=moved)
        if self._says_complete(reply):
            self.hear_complete()
        elif self.upload.complete:
            raise Breach(f"complete was told, and now it isn't, at offset {reply.offset}")

    def _says_complete(self, reply: Reply) -> bool:
        if self.version == 3:
            return reply.headers["Upload-Incomplete"] == "?0"
        return reply.headers["Upload-Complete"] == "?1"

    async def step(self) -> None:
        begin = self.upload.acknowledged
        end = self._end(begin)
        manner = self.dice.choices(("plain", "chunked", "checked", "cut"), (60, 12, 12, 16))[0]
        self.talk.tally.counts[f"IETF requests, {manner}"] += 1
        self.upload.offers(end)
        last = begin == end == self.content.size or self._is_last(end)
        fields = {"Upload_Offset": begin, **self.marks(), **self._completes(last), **self._typed()}
        if manner == "cut" and end > begin:
            return await self._cut(begin, end, fields)
        return await self._append((begin, end), manner, fields)

    def _typed(self) -> dict[str, object]:
        return {"Content_Type": PARTIAL} if self.version >= _TYPED else {}

    async def _append(self, span: tuple[int, int], manner: str, fields: dict[str, object]) -> None:
        data = self.content.slice(*span)
        body: bytes | AsyncIterator[bytes] = data
        if manner == "checked":
            fields["Content_Digest"] = f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"
        if manner == "chunked":
            body = _in_chunks(data)
        reply = await self.talk.ask("PATCH", self.talk.anywhere(self.upload.url), body, **fields)
        if reply is not None and reply.status in (200, 201, 204):
            return self._took(reply, span[1])
        if reply is not None:
            self._refused(reply, span[0])
        return await self.catch_up()

    def _took(self, reply: Reply, end: int) -> None:
        if reply.offset != end:
            raise Breach(f"{reply.status} to bytes up to {end}, and offset {reply.offset}")
        self._note(reply, end, moved=True)

    def _refused(self, reply: Reply, begin: int) -> None:
        match reply.status:
            case 404 | 410:
                self.upload.check_gone(reply)
            case 409 if reply.offset == begin:
                raise Breach(f"409, and the offset is {begin} as the request said")
            case 409:
                self.upload.hear(reply.offset, begin)
            case status if not self.passes(reply):
                raise Breach(f"{status} to an append")

    async def _cut(self, begin: int, end: int, fields: dict[str, object]) -> None:
        """Send an append whose connection ends in mid-body, then HEAD. Raises Breach, Ended."""
        middle, started = self.dice.randint(begin, end - 1), time.monotonic()
        url = self.talk.anywhere(self.upload.url)
        with suppress(OSError, TimeoutError):
            async with (
                asyncio.timeout(PATIENCE),
                requesting("PATCH", url, **fields, content_length=end - begin) as request,
            ):
                await request.send(self.content.slice(begin, middle))
                await asyncio.sleep(self.dice.choice((0, self.dice.uniform(0, 2))))
        self.talk.wrote(f"PATCH cut {begin} to {middle} of {end}", "", started)
        await self.catch_up()


async def _in_chunks(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 100_000):
        yield data[at : at + 100_000]
