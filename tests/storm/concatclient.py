"""A client that cuts a file up, uploads the pieces concurrently as partial uploads, and has the server join them."""

from __future__ import annotations

import asyncio
import base64
from itertools import pairwise

from tests.storm.client import SOON
from tests.storm.contents import Content
from tests.storm.history import Breach, Ended
from tests.storm.talk import Talk
from tests.storm.tusclient import TusUploadClient
from tests.support.tus import TUS


class ConcatClient(TusUploadClient):
    """A client of a final upload: to create it is all there is to do, so its steps only send HEAD."""

    def __init__(self, talk: Talk, content: Content, lifetime: float) -> None:
        super().__init__(talk, content, lifetime)
        self._declared = True
        cuts = [0, *sorted(self.dice.randint(0, content.size) for _ in range(self.dice.randint(1, 3))), content.size]
        spans = [Content(content.start + begin, end - begin) for begin, end in pairwise(cuts)]
        self._partials = [TusUploadClient(talk, span, lifetime, partial=True) for span in spans]

    async def create(self) -> None:
        """Upload the partial uploads at the same time and join them; half of the clients then delete them. Raises
        Breach, and Ended if a partial upload expired, either alone or in a group."""
        async with asyncio.TaskGroup() as group:
            for partial in self._partials:
                group.create_task(self._bring(partial))
        await self._join()
        if self.dice.random() < 0.5:
            for partial in self._partials:
                await partial.delete()

    async def _bring(self, partial: TusUploadClient) -> None:
        await partial.create()
        await partial.fill()

    async def _join(self) -> None:
        urls = " ".join(self.talk.anywhere(partial.upload.url) for partial in self._partials)
        metadata = {"Upload_Metadata": f"filename {base64.b64encode(self.name.encode()).decode()}"}
        self.upload.sent_to = self.content.size
        while not self.upload.url:
            reply = await self.talk.ask("POST", self.talk.endpoint(), Upload_Concat=f"final;{urls}", **metadata, **TUS)
            if reply is None or self.passes(reply):
                self.talk.tally.counts["creations tried again"] += 1
                await asyncio.sleep(self.dice.uniform(*SOON))
            elif reply.status == 400 and any(partial.upload.may_be_over() for partial in self._partials):
                raise Ended
            elif reply.status != 201:
                raise Breach(f"{reply.status} to the creation of a final upload")
            else:
                self.upload.url = reply.headers["Location"]
                self.upload.stays(reply, moved=True)

    async def fill(self, stop: int | None = None) -> None:  # noqa: ARG002 (there is no middle)
        await self.catch_up()

    async def step(self) -> None:
        await self.catch_up()
