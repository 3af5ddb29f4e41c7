"""Behaviour of every client: it never gives up, believes nothing it is told, and compares what it gets."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from contextlib import suppress
from random import Random

from tests.storm.contents import Content
from tests.storm.history import Breach, Ended
from tests.storm.talk import Reply, Talk
from tests.storm.tracked import Tracked

SOON = (0.05, 0.5)
"""Seconds before a client asks again."""
PASSING = frozenset({423, 503})
"""Statuses of trouble that passes."""


def raise_breach(error: BaseException) -> None:
    """Raises `error` unless all that it says is that the upload is gone."""
    _, breaches = BaseExceptionGroup("of a request", [error]).split(Ended)
    if breaches is not None:
        raise breaches


class UploadClient:
    """One upload's client. What a protocol says in its own way, each kind of client says for itself."""

    def __init__(self, talk: Talk, content: Content, lifetime: float) -> None:
        self.talk = talk
        self.dice: Random = talk.dice
        self.content = content
        self.upload = Tracked(content, lifetime)
        self.name = talk.history.client
        """Is sent as the file name, which tells the client of an upload that is found."""

    @abstractmethod
    async def create(self) -> None:
        """Until the upload's URL is known."""

    @abstractmethod
    async def step(self) -> None:
        """One request with bytes, or without where only the end is missing; asks where it got no answer."""

    @abstractmethod
    async def look(self) -> bool:
        """HEAD, once; False if the answer was that it can't be told now. Raises Breach, Ended."""

    async def fill(self, stop: int | None = None) -> None:
        """Step after step, until it is complete, or has got as far as `stop`."""
        while not self.upload.complete and (stop is None or self.upload.acknowledged < stop):
            await self.step()
            await asyncio.sleep(self.pause())

    def pause(self) -> float:
        if self.talk.hurried:
            return 0
        return self.dice.choice((0, 0, 0, 0.02, 0.1, self.dice.uniform(0, 1)))

    async def catch_up(self) -> None:
        """HEAD until it has an answer."""
        while not await self.look():  # noqa: ASYNC110 (only asking tells)
            await asyncio.sleep(self.dice.uniform(*SOON))

    async def insist(self, method: str, url: str, body: bytes | None = None, /, **headers: object) -> Reply:
        """Until there is an answer that isn't about trouble that passes. Each time at any server."""
        while True:
            reply = await self.talk.ask(method, self.talk.anywhere(url), body, **headers)
            if reply is not None and not self.passes(reply):
                return reply
            await asyncio.sleep(self.dice.uniform(*SOON))

    def passes(self, reply: Reply) -> bool:
        """Return True if the answer asks to try again. Raises Breach where it doesn't say when."""
        if reply.status in PASSING and "Retry-After" not in reply.headers:
            raise Breach(f"{reply.status} without Retry-After")
        return reply.status in PASSING

    async def delete(self) -> None:
        """DELETE until it is gone, and see that it is."""
        self.upload.deleting = True
        reply = await self.insist("DELETE", self.upload.url, **self.marks())
        if reply.status not in (204, 404, 410):
            raise Breach(f"{reply.status} to a DELETE")
        with suppress(Ended):
            await self.catch_up()
            raise Breach("a deleted upload is still there")
        self.talk.tally.counts["uploads deleted"] += 1

    async def delete_while_writing(self) -> None:
        """Sends the DELETE while another request of the same client is in transit."""
        writing = asyncio.create_task(self.step())
        await asyncio.sleep(self.dice.uniform(0, 0.5))
        self.upload.deleting = True
        try:
            await self.delete()
        finally:
            writing.cancel()
            await asyncio.wait([writing])
        if not writing.cancelled() and (error := writing.exception()) is not None:
            raise_breach(error)

    def marks(self) -> dict[str, object]:
        """The header fields that say which protocol is spoken."""
        return {}

    def hear_complete(self, *, partial: bool = False) -> None:
        """Note that the server reported the upload as complete. Raises Breach if it hasn't acknowledged every byte."""
        if self.upload.acknowledged != self.content.size:
            raise Breach(f"complete with {self.upload.acknowledged} of {self.content.size} bytes")
        self.upload.completed(partial=partial)

    async def download(self, begin: int, end: int) -> None:
        """Download and compare those bytes of the finished upload, all of them for 0 and its size. Raises Breach."""
        whole = (begin, end) == (0, self.content.size)
        span, until = (None if whole else f"bytes={begin}-{end - 1}"), time.monotonic() + 600
        while (status := await self._compared(begin, end, span)) is None or status == 503:
            if time.monotonic() > until:
                raise Breach("the finished upload can't be downloaded for ten minutes")
            await asyncio.sleep(self.dice.uniform(*SOON))
        if status != (200 if whole else 206):
            raise Breach(f"GET {span} of a finished upload: " + ("other bytes" if status == -1 else str(status)))
        self.talk.tally.counts["downloads compared"] += 1

    async def _compared(self, begin: int, end: int, span: str | None) -> int | None:
        def right(at: int, chunk: bytes) -> bool:
            expected = self.content.slice(begin + at, min(begin + at + len(chunk), end)) if chunk else b""
            return chunk == expected and (bool(chunk) or at == end - begin)

        return await self.talk.compare(self.talk.anywhere(self.upload.url), span, right)

    async def download_some(self) -> None:
        """A range, or all."""
        size = self.content.size
        if size < 2 or self.dice.random() < 0.4:
            return await self.download(0, size)
        begin = self.dice.randrange(size - 1)
        return await self.download(begin, self.dice.randint(begin + 1, size))
