"""A tus client that sends its bytes as real ones may: whole, chunked, with a right or a wrong checksum, in a request
that is cut or stalls, or in two requests at once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, suppress

from tests.storm.client import SOON, UploadClient
from tests.storm.contents import MIB, Content
from tests.storm.history import Breach
from tests.storm.talk import PATIENCE, Reply, Talk
from tests.support.raw import RawConnection, patching
from tests.support.tus import BYTES, TUS

PART = 5 * MIB
PACES = ("tails", "steps", "small", "at once", "even")
MANNERS = {"plain": 55, "chunked": 10, "checked": 10, "wrong": 5, "cut": 10, "stall": 4, "takeover": 6}
_SUMS = {"sha1": hashlib.sha1, "md5": hashlib.md5, "sha256": hashlib.sha256}


class TusUploadClient(UploadClient):
    """A tus client that draws a pace for its upload, which gives the sizes of its requests (`PACES`, such as `small` or
    `at once`), and a manner for each PATCH (`MANNERS`, such as `chunked`, `cut` or `wrong`, with a wrong checksum)."""

    def __init__(self, talk: Talk, content: Content, lifetime: float, *, partial: bool = False) -> None:
        super().__init__(talk, content, lifetime)
        self.partial = partial
        self.deferred = self.dice.random() < 0.2
        self._declared = not self.deferred
        self._pace = self.dice.choice(PACES)
        self._tails = self.dice.randint(20, 60)
        self._even = self.dice.choice((64 * 1024, 100_000, 256 * 1024, MIB))

    def marks(self) -> dict[str, object]:
        return dict(TUS)

    async def create(self) -> None:
        while not self.upload.url:
            await self._create()

    async def _create(self) -> None:
        body = self._first()
        size = {"Upload_Defer_Length": 1} if self.deferred else {"Upload_Length": self.content.size}
        concat = {"Upload_Concat": "partial"} if self.partial else {}
        metadata = {"Upload_Metadata": f"filename {base64.b64encode(self.name.encode()).decode()}"}
        self.upload.sent_to = len(body or b"")
        reply = await self.talk.ask(
            "POST", self.talk.endpoint(), body, **(TUS if body is None else BYTES), **size, **concat, **metadata
        )
        if reply is None or self.passes(reply):
            self.talk.tally.counts["creations tried again"] += 1
            await asyncio.sleep(self.dice.uniform(*SOON))
            return
        self._created(reply, body or b"")

    def _first(self) -> bytes | None:
        """Return the bytes to send with the creation; None for a creation without bytes."""
        if not self.content.size or self.dice.random() < 0.6:
            return None
        return self.content.slice(0, self.dice.choice((self.content.size, self._size())))

    def _created(self, reply: Reply, body: bytes) -> None:
        if reply.status != 201:
            raise Breach(f"{reply.status} to a creation")
        self.upload.url = reply.headers["Location"]
        self.upload.stays(reply, moved=True)
        if body:
            self.upload.hear(reply.offset, len(body))
        if self._declared and self.upload.acknowledged == self.content.size:
            self.hear_complete(partial=self.partial)

    async def look(self) -> bool:
        floor = self.upload.acknowledged
        reply = await self.talk.ask("HEAD", self.talk.anywhere(self.upload.url), **TUS)
        if reply is None:
            return False
        match reply.status:
            case 200:
                self._note(reply, floor)
            case 404 | 410:
                self.upload.check_gone(reply)
            case 423:
                self.passes(reply)
            case _:
                raise Breach(f"{reply.status} to a HEAD")
        return reply.status == 200

    def _note(self, reply: Reply, floor: int) -> None:
        self.upload.hear(reply.offset, floor)
        self.upload.stays(reply, moved=False)
        length = reply.headers.get("Upload-Length")
        if length is None:
            self._check(not self.upload.complete and not self._declared, "an upload's length was forgotten")
            return
        self._declared = True
        self._check(int(length) == self.content.size, f"the length is {length}")
        if reply.offset == self.content.size:
            self.hear_complete(partial=self.partial)
        else:
            self._check(not self.upload.complete, f"complete was told, and now offset {reply.offset}")

    def _check(self, fact: bool, problem: str) -> None:  # noqa: FBT001 (an assertion that outlives -O)
        if not fact:
            raise Breach(problem)

    async def step(self) -> None:
        """Send a PATCH from the acknowledged offset in a manner chosen at random. In the manner `takeover`, a HEAD
        follows up to a second later, whether or not the PATCH has ended, and, unless the upload is complete, a second
        PATCH. Raises Breach, Ended; for a takeover as a group."""
        begin = self.upload.acknowledged
        end = min(begin + self._size(), self.content.size)
        manner = self.dice.choices(list(MANNERS), list(MANNERS.values()))[0]
        self.talk.tally.counts[f"tus requests, {manner}"] += 1
        if end == begin:
            manner = "plain"
        match manner:
            case "cut" | "stall":
                await self._halting(begin, end, goes_on=manner == "stall")
            case "takeover":
                await self._taken_over(begin, end)
            case _:
                await self._whole(begin, end, manner)

    def _size(self) -> int:
        """Return the number of bytes that the next request should have; the upload may have fewer left."""
        match "at once" if self.talk.hurried else self._pace:
            case "tails" if self._tails > 0:
                self._tails -= 1
                return self.dice.randint(20_000, 100_000)
            case "small":
                return self.dice.choice((self.dice.randint(1, 3000), self.dice.randint(3000, 400_000)))
            case "at once":
                return self.content.size
            case "even":
                return self._even
            case _:
                return round(2 ** self.dice.uniform(0, 23.9))

    async def _whole(self, begin: int, end: int, manner: str) -> None:
        data = self.content.slice(begin, end)
        fields: dict[str, object] = {"Upload_Offset": begin, **self._length(end)}
        body: bytes | AsyncIterator[bytes] = data
        match manner:
            case "checked":
                fields["Upload_Checksum"] = self._checksum(data)
            case "wrong":
                fields["Upload_Checksum"], body = self._checksum(data), bytes(len(data))
            case "chunked":
                body = self._in_chunks(data)
        if manner != "wrong":
            self.upload.offers(end)
        reply = await self.talk.ask("PATCH", self.talk.anywhere(self.upload.url), body, **BYTES, **fields)
        await self._answered(reply, begin, end, wrong=manner == "wrong")

    def _length(self, end: int) -> dict[str, object]:
        """Return the Upload-Length field if a deferred length is to be declared now, with the last bytes at the latest;
        else nothing."""
        if self._declared or (end < self.content.size and self.dice.random() < 0.9):
            return {}
        return {"Upload_Length": self.content.size}

    def _checksum(self, data: bytes) -> str:
        name = self.dice.choice(list(_SUMS))
        return f"{name} {base64.b64encode(_SUMS[name](data).digest()).decode()}"

    async def _in_chunks(self, data: bytes) -> AsyncIterator[bytes]:
        at = 0
        while at < len(data):
            size = self.dice.randint(1, 300_000)
            yield data[at : at + size]
            at += size

    async def _answered(self, reply: Reply | None, begin: int, end: int, *, wrong: bool = False) -> None:
        if reply is not None and reply.status == 204 and not wrong:
            return self._took(reply, begin, end)
        if reply is not None:
            self._refused(reply, begin, wrong=wrong)
        return await self.catch_up()

    def _took(self, reply: Reply, begin: int, end: int) -> None:
        if reply.offset != end:
            raise Breach(f"204 to bytes {begin} to {end}, and offset {reply.offset}")
        self.upload.hear(reply.offset, end)
        self.upload.stays(reply, moved=True)
        if end == self.content.size:
            self.hear_complete(partial=self.partial)

    def _refused(self, reply: Reply, begin: int, *, wrong: bool = False) -> None:
        """Check an answer to a PATCH at `begin` that isn't the 204 to right bytes; `wrong` says that the request's
        checksum was wrong. Raises Breach if the server shouldn't have given it; Ended if the upload is gone, as the
        client expects."""
        match reply.status:
            case 404 | 410:
                self.upload.check_gone(reply)
            case 409 if reply.offset == begin:
                raise Breach(f"409, and the offset is {begin} as the request said")
            case 409:
                self.upload.hear(reply.offset, begin)
            case 460 if wrong:
                self.talk.tally.counts["wrong checksums noticed"] += 1
            case status if not self.passes(reply):
                raise Breach(f"{status} to a PATCH" + (" with a wrong checksum" if wrong else ""))

    async def _halting(self, begin: int, end: int, *, goes_on: bool) -> None:
        """Send a PATCH that pauses in mid-body and then sends the rest (`goes_on`) or ends the connection; then HEAD.
        Raises Breach, Ended."""
        middle = self.dice.randint(begin, end)
        request_line = f"PATCH by halves {begin} to {middle} of {end}"
        started, status = time.monotonic(), 0
        with suppress(OSError, TimeoutError, ValueError, IndexError):
            async with asyncio.timeout(PATIENCE), self._patching(begin, end) as request:
                status = await self._by_halves(request, (begin, middle, end), goes_on=goes_on)
        self.talk.wrote(request_line, str(status or "nothing"), started)
        if status == 204:
            self.upload.hear(end, end)
        elif status not in (0, 404, 409, 410, 423, 503):
            raise Breach(f"{status} to a PATCH")
        await self.catch_up()

    def _patching(self, begin: int, end: int) -> AbstractAsyncContextManager[RawConnection]:
        return patching(self.talk.anywhere(self.upload.url), begin, end - begin, **self._length(end))

    async def _by_halves(self, request: RawConnection, marks: tuple[int, int, int], *, goes_on: bool) -> int:
        """Send the body of a PATCH up to the middle of `marks`, which are the offsets of begin, middle and end, and
        pause; then send the rest if `goes_on`. Return the status; 0 without the rest, or if the server ends the
        connection without an answer."""
        begin, middle, end = marks
        self.upload.offers(middle)
        await request.send(self.content.slice(begin, middle))
        await asyncio.sleep(self.dice.choice((0, 0.01, self.dice.uniform(0, 1), self.dice.uniform(0, 6))))
        if goes_on:
            self.upload.offers(end)
            await request.send(self.content.slice(middle, end))
            return await request.status()
        if self.dice.random() < 0.5:
            request.finish()
            await request.closed()
        return 0

    async def _taken_over(self, begin: int, end: int) -> None:
        """Send a PATCH that pauses, and up to a second later, over other connections, HEAD and, unless the upload is
        complete then, another PATCH. Raises Breach and Ended, always as a group."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._halting(begin, end, goes_on=True))
            await asyncio.sleep(self.dice.uniform(0, 1))
            await self.catch_up()
            if not self.upload.complete:
                begin = self.upload.acknowledged
                await self._whole(begin, min(begin + self._size(), self.content.size), "plain")
