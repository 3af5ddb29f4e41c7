"""The clients of one deployment: a fixed number at a time, each followed by another, for as long as the storm lasts."""

from __future__ import annotations

import asyncio
from random import Random

import aiohttp

from tests.storm.client import UploadClient
from tests.storm.concatclient import ConcatClient
from tests.storm.contents import some_content
from tests.storm.directclient import DirectUploadClient, FormClient
from tests.storm.history import Breach, Ended, History, Tally
from tests.storm.ietfclient import IetfClient
from tests.storm.talk import Talk
from tests.storm.tusclient import TusUploadClient
from tests.storm.world import Site
from tests.support.bucket import upload_id

_KINDS = {TusUploadClient: 60, IetfClient: 16, ConcatClient: 10, DirectUploadClient: 10, FormClient: 4}
_FATES = {"finish": 70, "give up": 8, "delete": 5, "delete while writing": 5, "delete when finished": 12}
_LOGGED = 20
"""The number of last lines of each server's log in a report."""
_KEPT = 150
"""The most finished uploads of one deployment that stay. Above it, one is deleted for each that comes: the one that was
finished, or last drawn for a HEAD and a download (`Crowd._visit_another`), longest ago."""


class Crowd:
    """The clients of the deployment `site`. The kind, content and fate of each follow from `seed` and its name."""

    def __init__(self, site: Site, session: aiohttp.ClientSession, seed: int, tally: Tally) -> None:
        self.clients: dict[str, UploadClient] = {}
        """All clients, by name."""
        self.finished: dict[str, UploadClient] = {}
        """The clients whose upload is finished and stays."""
        self.abandoned: list[UploadClient] = []
        """The clients that gave their upload up before they heard that it was complete, and didn't delete it."""
        self.at_work: set[str] = set()
        self.site = site
        self._session = session
        self._seed = seed
        self._tally = tally

    async def run(self, places: int, over: asyncio.Event) -> None:
        """Run `places` clients at a time, each followed by another; once `over` is set, return when the last has
        finished."""
        async with asyncio.TaskGroup() as group:
            for _ in range(places):
                group.create_task(self._place(over))

    def hurry(self) -> None:
        for name in self.at_work:
            self.clients[name].talk.hurried = True

    async def _place(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await self._visit(self._new())

    def _new(self) -> UploadClient:
        name = f"{self.site.name}-{len(self.clients)}"
        dice = Random(f"{self._seed} {name}")
        talk = Talk(self._session, [server.url for server in self.site.servers], dice, History(name), self._tally)
        kind = dice.choices(list(_KINDS), list(_KINDS.values()))[0]
        self.clients[name] = kind(talk, some_content(dice), self.site.expire_after)
        return self.clients[name]

    async def _visit(self, client: UploadClient) -> None:
        """Run one client from creation to its end; report each breach with the client's history and the servers'
        logs."""
        self.at_work.add(client.name)
        await asyncio.sleep(client.dice.uniform(0, 1))
        try:
            await self._live(client)
        except* Ended:
            self._tally.counts["uploads expired"] += 1
        except* Breach as breaches:
            for breach in _flat(breaches):
                self.report(client, str(breach))
        self.at_work.discard(client.name)

    def report(self, client: UploadClient, problem: str) -> None:
        message = f"{problem} ({type(client).__name__}, {client.content.size} bytes, {client.upload.url})"
        asking = [f"unanswered: {client.talk.asking}"] if client.talk.asking else []
        at_s3 = [f"S3 {line}" for line in self.site.calls(upload_id(client.upload.url))]
        logged = [f"log {line}" for server in self.site.servers for line in server.log().splitlines()[-_LOGGED:]]
        lines = (*client.talk.history.lines(), *asking, *at_s3, *logged)
        self._tally.report(self.site.name, client.name, message, lines)

    async def _live(self, client: UploadClient) -> None:
        fate = client.dice.choices(list(_FATES), list(_FATES.values()))[0]
        await client.create()
        match fate:
            case "give up":
                await self._gives_up(client)
            case "delete":
                await client.fill(client.dice.randint(0, client.content.size))
                await client.delete()
            case "delete while writing" if not client.upload.complete:
                await client.delete_while_writing()
            case _:
                await self._finishes(client, stays=fate == "finish")

    async def _gives_up(self, client: UploadClient) -> None:
        await client.fill(client.dice.randint(0, max(client.content.size - 1, 0)))
        if client.upload.complete:
            return await self._finishes(client, stays=True)
        self._tally.counts["uploads given up"] += 1
        return self.abandoned.append(client)

    async def _finishes(self, client: UploadClient, *, stays: bool) -> None:
        await client.fill()
        self._tally.counts[f"uploads finished by {type(client).__name__}"] += 1
        if client.dice.random() < 0.4:
            await client.download_some()
        if not stays:
            return await client.delete()
        self.finished[client.name] = client
        await self._visit_another(client)
        return await self._make_room()

    async def _visit_another(self, client: UploadClient) -> None:
        """With a chance of 3 in 10, send HEAD for an upload chosen at random from those that stay, perhaps the
        client's, and download it or a range of it. No client deletes that upload meanwhile."""
        visited = self.finished.pop(client.dice.choice(list(self.finished)))
        if client.dice.random() < 0.3:
            await visited.catch_up()
            await visited.download_some()
        self.finished[visited.name] = visited

    async def _make_room(self) -> None:
        if len(self.finished) > _KEPT:
            oldest = self.finished.pop(next(iter(self.finished)))
            await oldest.delete()


def _flat(breaches: BaseExceptionGroup[Breach]) -> list[Breach]:
    single = []
    for breach in breaches.exceptions:
        single += _flat(breach) if isinstance(breach, BaseExceptionGroup) else [breach]
    return single
