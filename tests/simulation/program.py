"""A generated scenario: tracks of one or more uploads that run at the same time. Its `repr` is Python that makes it
again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from tests.simulation.client import Client, Vanished
from tests.simulation.direct import DirectClient
from tests.simulation.ietf import IetfClient
from tests.simulation.scenario import Scenario
from tests.simulation.setup import Setup
from tests.simulation.steps import Step
from tests.simulation.world import Violation, World
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.upload import Kind

End = Literal["finish", "download", "leave", "terminate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A track of a generated scenario: one tus or IETF upload through the server, with its creation, steps and end."""

    length: int
    steps: Sequence[Step] = ()
    end: End = "finish"
    ietf: bool = False
    deferred: bool = False
    first: int | None = None
    """The number of bytes that come with the creation; None for a creation without a body."""
    chunk: int = 3
    gap: float = 0.01
    roams: bool = False

    async def play(self, world: World, name: str) -> None:
        client = self._client(world, name)
        try:
            await self._go(client, Kind.REGULAR)
        except Vanished:
            client.check_gone()

    async def partial(self, world: World, name: str) -> Client:
        """Play the journey as a partial upload, and return its client. Raises Vanished if the upload isn't there any
        more, Violation if a promise is broken."""
        client = self._client(world, name)
        await self._go(client, Kind.PARTIAL)
        return client

    def _client(self, world: World, name: str) -> Client:
        kind = IetfClient if self.ietf else Client
        return kind(world, content(name, self.length), chunk=self.chunk, gap=self.gap, roams=self.roams)

    async def _go(self, client: Client, kind: Kind) -> None:
        if isinstance(client, IetfClient):
            await client.begin(self.first or 0)
        else:
            await client.create(kind, deferred=self.deferred, first=self.first)
        for step in self.steps:
            await step.play(client)
        await self._end(client)

    async def _end(self, client: Client) -> None:
        if self.end in ("finish", "download"):
            await self._finish(client)
        if self.end == "download":
            await client.download()
        if self.end == "terminate":
            await client.terminate()

    async def _finish(self, client: Client) -> None:
        if isinstance(client, IetfClient):
            await client.go_on()
        else:
            await client.upload(declares=self.deferred)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A track of a generated scenario: partial uploads at the same time, then one final upload that joins them."""

    partials: Sequence[Journey]
    end: End = "download"

    async def play(self, world: World, name: str) -> None:
        try:
            await self._go(world, name)
        except Vanished as vanished:
            if not world.bereft:
                raise Violation("a partial upload is gone, or the final one") from vanished

    async def _go(self, world: World, name: str) -> None:
        uploading = [partial.partial(world, f"{name}.{index}") for index, partial in enumerate(self.partials)]
        clients = await asyncio.gather(*uploading)
        final = Client(world, b"".join(client.content for client in clients))
        await final.create(Kind.FINAL, partials=tuple(client.upload_id for client in clients))
        if self.end == "download":
            await final.download()
        if self.end == "terminate":
            await final.terminate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Straight:
    """A track of a generated scenario: one direct upload, whose bytes its client sends to S3 itself."""

    length: int
    whole: bool = False
    with_length: bool = True
    late: bool = False
    """True if an upload in parts gets its multipart upload only when the parts are to be sent, not at its creation; no
    effect on an upload in one request."""
    before: Sequence[Step] = ()
    """The steps between the upload's creation and the sending of its bytes; with the end `terminate`, the upload is
    aborted after them instead."""
    after: Sequence[Step] = ()
    end: End = "finish"

    async def play(self, world: World, name: str) -> None:
        client = DirectClient(world, content(name, self.length), roams=True)
        try:
            await self._go(world, client)
        except Vanished:
            client.check_gone()

    async def _go(self, world: World, client: DirectClient) -> None:
        whole = self.whole and self.length <= world.setup.max_part
        await client.begin(
            mode=DirectMode.WHOLE if whole else DirectMode.PARTS, with_length=self.with_length, late=self.late
        )
        for step in self.before:
            await step.play(client)
        if self.end == "terminate":
            await client.abort()
            return
        await (client.send_whole() if whole else client.send_parts())
        for step in self.after:
            await step.play(client)
        if self.end != "leave":
            await (client.look() if whole else client.complete())
        if self.end == "download":
            await client.download()


Track = Journey | Joined | Straight


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A generated scenario: the simulated world's setup, and the tracks, each of one or more uploads, that run in it at
    the same time."""

    tracks: Sequence[Track]
    setup: Setup = field(default_factory=Setup)

    @property
    def calm(self) -> bool:
        """True if no step kills a node, takes stored bytes away, makes the receiver of events refuse or not answer, or
        has events sent again."""
        return not any(trouble in repr(self) for trouble in ("Kill(", "Rob(", "Away(", "Hush(", "Resend("))

    def scenario(self) -> Scenario:
        return Scenario(play=self.play, setup=self.setup, calm=self.calm)

    async def play(self, world: World) -> None:
        await asyncio.gather(*(track.play(world, str(index)) for index, track in enumerate(self.tracks)))


def content(name: str, length: int) -> bytes:
    """Return `length` random bytes that depend only on the name and the length."""
    return Random(f"{name} {length}").randbytes(length)
