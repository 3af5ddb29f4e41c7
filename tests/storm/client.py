"""Behaviour common to all clients: each repeats what failed, checks every answer, and compares what it downloads."""

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
"""The least and most seconds before a client asks again."""
PASSING = frozenset({423, 503})
"""Statuses that ask a client to try again later."""


def raise_breach(error: BaseException) -> None:
    """Raise all errors within `error` other than Ended, as one group; return if there are none."""
    _, breaches = BaseExceptionGroup("of a request", [error]).split(Ended)
    if breaches is not None:
        raise breaches


class UploadClient:
    """One upload's client: the behaviour that all protocols share. Each subclass speaks one protocol."""

    def __init__(self, talk: Talk, content: Content, lifetime: float) -> None:
        self.talk = talk
        self.dice: Random = talk.dice
        self.content = content
        self.upload = Tracked(content, lifetime)
        self.name = talk.history.client
        """The client's name, sent as the file name: it tells to which client a record belongs."""

    @abstractmethod
    async def create(self) -> None:
        """Create the upload and return once its URL is known; try again if no answer comes or the answer asks for it.
        Raises Breach; also Ended, and groups of both, in a client that first uploads partial uploads."""

    @abstractmethod
    async def step(self) -> None:
        """Send bytes of the upload, or none if only the completion is missing. Return once they are taken, or, in a tus
        or IETF client, once HEAD has told the offset. Raises Breach, Ended, alone or in a group."""

    @abstractmethod
    async def look(self) -> bool:
        """Send one HEAD and note what it tells. Return False if no answer came or the server can't tell now. Raises
        Breach, Ended."""

    async def fill(self, stop: int | None = None) -> None:
        """Send requests until the upload is complete or at least `stop` bytes are acknowledged. Raises Breach, Ended,
        alone or in a group."""
        while not self.upload.complete and (stop is None or self.upload.acknowledged < stop):
            await self.step()
            await asyncio.sleep(self.pause())

    def pause(self) -> float:
        if self.talk.hurried:
            return 0
        return self.dice.choice((0, 0, 0, 0.02, 0.1, self.dice.uniform(0, 1)))

    async def catch_up(self) -> None:
        """Send HEAD until the server tells the upload's state. Raises Breach, Ended."""
        while not await self.look():  # noqa: ASYNC110 (only asking tells)
            await asyncio.sleep(self.dice.uniform(*SOON))

    async def insist(self, method: str, url: str, body: bytes | None = None, /, **headers: object) -> Reply:
        """Send the request, each time to a server chosen at random, until an answer comes that doesn't ask to try
        again; return that answer. Raises Breach if an answer asks so without Retry-After."""
        while True:
            reply = await self.talk.ask(method, self.talk.anywhere(url), body, **headers)
            if reply is not None and not self.passes(reply):
                return reply
            await asyncio.sleep(self.dice.uniform(*SOON))

    def passes(self, reply: Reply) -> bool:
        """Return True if the answer asks to try again later, that is if it is a 423 or 503. Raises Breach if such an
        answer has no Retry-After."""
        if reply.status in PASSING and "Retry-After" not in reply.headers:
            raise Breach(f"{reply.status} without Retry-After")
        return reply.status in PASSING

    async def delete(self) -> None:
        """Delete the upload and check that HEAD finds it gone. Raises Breach."""
        self.upload.deleting = True
        reply = await self.insist("DELETE", self.upload.url, **self.marks())
        if reply.status not in (204, 404, 410):
            raise Breach(f"{reply.status} to a DELETE")
        with suppress(Ended):
            await self.catch_up()
            raise Breach("a deleted upload is still there")
        self.talk.tally.counts["uploads deleted"] += 1

    async def delete_while_writing(self) -> None:
        """Start a step, delete the upload up to half a second later, often while the step still runs, and then cancel
        the step. Raises Breach, alone or in a group."""
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
        """Return the header fields that name the protocol; none by default."""
        return {}

    def hear_complete(self, *, partial: bool = False) -> None:
        """Note that the server reported the upload as complete; a `partial` upload may still expire. Raises Breach if
        the server hasn't acknowledged every byte."""
        if self.upload.acknowledged != self.content.size:
            raise Breach(f"complete with {self.upload.acknowledged} of {self.content.size} bytes")
        self.upload.completed(partial=partial)

    async def download(self, begin: int, end: int) -> None:
        """Download bytes `begin` to `end` (exclusive), without a Range if these are all bytes, and compare them with
        the content; try again after a 503 or without a whole answer. Raises Breach for other bytes or another status
        than 200 (206 with a Range), and after ten minutes of trying."""
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
        """Download and compare a range chosen at random, or all bytes. Raises Breach."""
        size = self.content.size
        if size < 2 or self.dice.random() < 0.4:
            return await self.download(0, size)
        begin = self.dice.randrange(size - 1)
        return await self.download(begin, self.dice.randint(begin + 1, size))
