"""A client like tus-js-client: after a failed PATCH it asks for the offset and goes on from there. It gives up only
once the upload is gone (Vanished), after `GIVE_UP` seconds in one call, or for a broken promise (Violation)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from tests.simulation.body import SlowBody
from tests.simulation.world import EPOCH, FORESEEN, Violation, World
from tusd_py.domain.digest import Checksum
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.intents import Append, Body, Create, Read
from tusd_py.domain.refusals import ChecksumMismatch, Malformed, UploadGone, UploadNotFound
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.engine import Engine
from tusd_py.engine.lookup import finished, inspect, read
from tusd_py.engine.terminate import terminate
from tusd_py.ports.body import BodyEnd

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds a client waits for an answer before it tries elsewhere."""
GIVE_UP = 600.0
_GONE = (UploadNotFound, UploadGone, UploadLost)


class Vanished(Exception):
    """The answer that the upload isn't there any more (404 or 410)."""


class Broken(Exception):
    """No answer, or an error answer after which the client tries again: not Vanished, nor ChecksumMismatch."""


class Client:
    """A client that sends `content` in chunks of `chunk` bytes, one each `gap` seconds. It goes to the other node after
    a request that failed (Broken) or, with `roams`, after each."""

    def __init__(self, world: World, content: bytes, *, chunk: int = 3, gap: float = 0.01, roams: bool = False) -> None:
        self.world, self.content = world, content
        self.url: UploadId | None = None
        self._name = str(len(world.contents)).encode()
        world.contents[self._name] = content
        self._chunk, self._gap, self._roams = chunk, gap, roams
        self._offset = 0
        self._moved_at = world.loop.time()
        """The loop's time of the save that last raised the offset told to the client; first, this client's start."""
        self._at = 0

    async def create(
        self,
        kind: Kind = Kind.REGULAR,
        *,
        deferred: bool = False,
        first: int | None = None,
        partials: tuple[UploadId, ...] = (),
    ) -> None:
        """POST until it succeeds, with the first `first` bytes if given. Raises Vanished if the upload or a partial one
        is lost, and Violation after GIVE_UP seconds or for a broken promise."""
        length = None if deferred or kind is Kind.FINAL else len(self.content)
        body = None if first is None else Body(length=first)
        intent = Create(kind=kind, length=length, metadata={"name": self._name}, partials=partials, body=body)
        body_bytes = self.content[: first or 0]

        async def perform(engine: Engine, body: SlowBody) -> Upload:
            try:
                return await create(engine, intent, body)
            except Malformed as error:
                if self.world.bereft.intersection(partials):
                    raise UploadLost from error
                raise

        upload = await self._insist(lambda: self._ask(perform, body_bytes))
        self.url = upload.id
        self._hear(upload)

    async def upload(
        self,
        *,
        piece: int | None = None,
        checksum: str | None = None,
        declares: bool = False,
        chunked: bool = False,
        until: int | None = None,
    ) -> None:
        """PATCH `piece` bytes a request (None: all the rest) until the server says that the upload is complete or has
        `until` bytes. `checksum` names the algorithm of each request's checksum; with `declares`, the last declares the
        length; with `chunked`, none has Content-Length. Raises Vanished; Violation after 600 s or a broken promise."""
        give_up = self.world.loop.time() + GIVE_UP
        is_current = self._offset == 0
        while True:
            if self.world.loop.time() > give_up:
                raise Violation(f"no way to go on from offset {self._offset}")
            try:
                if not is_current and self._hear(await self._ask(lambda engine, _: inspect(engine, self.upload_id))):
                    return
                if until is not None and self._offset >= until:
                    return
                is_current = False
                if self._hear(await self._patch(piece, checksum, declares=declares, chunked=chunked)):
                    return
                is_current = True
            except Broken:
                await asyncio.sleep(0.5)

    async def cut(self, count: int) -> None:
        """Send the rest of the content in a PATCH whose connection breaks after `count` bytes, if it has more. Raises
        Vanished, and Violation for a broken promise."""
        offset = self._offset
        intent = Append(offset=offset, body=Body(length=len(self.content) - offset))
        try:
            self._hear(
                await self._ask(
                    lambda p, body: append(p, self.upload_id, intent, body), self.content[offset:], cut=count
                )
            )
        except Broken:
            return

    async def terminate(self) -> None:
        """DELETE until the upload is gone. Raises Violation after GIVE_UP seconds."""
        self.world.complete.discard(self.upload_id)

        async def delete() -> None:
            try:
                await self._ask(lambda engine, _: terminate(engine, self.upload_id))
            except Vanished:
                return

        await self._insist(delete)
        self.world.complete.discard(self.upload_id)

    async def download(self) -> None:
        """GET all bytes until that succeeds. Raises Vanished; Violation for wrong bytes or after GIVE_UP seconds."""

        async def get(engine: Engine, _: SlowBody) -> bytes:
            upload = await finished(engine, self.upload_id, Read())
            return b"".join([chunk async for chunk in self._download(read(engine, upload, Span(0, upload.offset)))])

        got = await self._insist(lambda: self._ask(get))
        if got != self.content:
            raise Violation(f"downloaded {got!r}")

    async def _download(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the chunks no faster than the client's connection takes them."""
        async for chunk in chunks:
            yield chunk
            await asyncio.sleep(self._gap)

    @property
    def upload_id(self) -> UploadId:
        assert self.url is not None
        return self.url

    async def _patch(self, piece: int | None, algorithm: str | None, *, declares: bool, chunked: bool) -> Upload:
        offset = self._offset
        body_bytes = self.content[offset:] if piece is None else self.content[offset : offset + piece]
        checksum = self._sum(algorithm, body_bytes)
        last = declares and offset + len(body_bytes) == len(self.content)
        body = Body(length=None if chunked else len(body_bytes), checksum=checksum)
        intent = Append(offset=offset, length=len(self.content) if last else None, body=body)
        return await self._ask(lambda engine, body: append(engine, self.upload_id, intent, body), body_bytes)

    def _sum(self, algorithm: str | None, data: bytes) -> Checksum | None:
        if algorithm is None:
            return None
        return Checksum(algorithm=algorithm, digest=hashlib.new(algorithm, data).digest())

    async def corrupt(self, piece: int) -> None:
        """Send a PATCH of `piece` bytes that were damaged in transit, with the checksum of the right ones. Raises
        Vanished, and Violation if the server accepts them."""
        offset = self._offset
        body_bytes = self.content[offset : offset + piece]
        damaged = bytes(byte ^ 1 for byte in body_bytes.ljust(piece, b"#"))
        intent = Append(offset=offset, body=Body(length=piece, checksum=self._sum("sha1", body_bytes)))
        try:
            await self._ask(lambda engine, body: append(engine, self.upload_id, intent, body), damaged)
        except (ChecksumMismatch, Broken):
            return
        raise Violation("damaged bytes were taken")

    async def astray(self) -> None:
        """Send one byte at a wrong offset; do nothing if a fault removed bytes of this upload from the bucket
        (`world.robbed`). Raises Vanished, and Violation if the server accepts the byte."""
        if self.url in self.world.robbed:
            return
        wrong = self._offset - 1 if self._offset else len(self.content) + 1
        intent = Append(offset=wrong, body=Body(length=1))
        with suppress(Broken):
            await self._ask(lambda engine, body: append(engine, self.upload_id, intent, body), b"#")
            raise Violation(f"bytes were taken at {wrong}, not at {self._offset}")

    async def exceed(self, surplus: int) -> None:
        """Send the rest and `surplus` bytes more in a PATCH without Content-Length, so that the node can't refuse it
        before they arrive. Raises Vanished, and Violation if the server accepts them."""
        intent = Append(offset=self._offset, body=Body(length=None))
        body_bytes = self.content[self._offset :] + b"#" * surplus
        with suppress(Broken):
            await self._ask(lambda engine, body: append(engine, self.upload_id, intent, body), body_bytes)
            raise Violation("more bytes were taken than the upload has")

    def leave(self, count: int, *, stalls: bool) -> None:
        """Begin a PATCH of the rest, and don't wait for its answer. Its connection breaks after `count` bytes, if it
        has more; with `stalls`, its end or break comes after 60 s of silence, or once the server stops it."""
        intent = Append(offset=self._offset, body=Body(length=len(self.content) - self._offset))
        body = SlowBody(self.content[self._offset :], chunk=self._chunk, gap=self._gap, cut=count, stalls=stalls)
        self.world.begin(self.world.node(self._at), lambda engine: append(engine, self.upload_id, intent, body))

    async def look(self) -> None:
        """HEAD until that succeeds, and check the offset and, of a complete upload, the object. Raises Vanished, and
        Violation if a check fails, or after GIVE_UP seconds."""
        self._hear(await self._insist(lambda: self._ask(lambda engine, _: inspect(engine, self.upload_id))))

    def check_gone(self) -> None:
        """Check that a 404 was right: the upload lost its bytes in the bucket (`world.bereft`), or had no progress for
        half of `expire_after` and is none of the complete ones that must stay (`world.complete`). Raises Violation."""
        if self.url in self.world.bereft:
            return
        idle = self.world.loop.time() - self._moved_at
        if self.url in self.world.complete or idle < self.world.setup.expire_after / 2:
            raise Violation(f"gone {idle} s after it moved, at offset {self._offset} of {len(self.content)}")

    def hop(self) -> None:
        """Have the next request sent to the other node."""
        self._at += 1

    @property
    def offset(self) -> int:
        """The offset, as far as the server has told it to the client."""
        return self._offset

    def _hear(self, upload: Upload) -> bool:
        """Keep the answered offset, and return True if the upload is complete. Raises Violation if the offset fell or a
        complete upload lacks its object, unless a fault removed bytes, or if the offset exceeds the content."""
        if upload.id in self.world.robbed:
            self._offset = min(self._offset, upload.offset)
        if not self._offset <= upload.offset <= len(self.content):
            raise Violation(f"told {self._offset}, then {upload.offset}")
        if upload.offset > self._offset:
            self._moved_at = upload.times.updated_at - EPOCH  # it may have been a while before the client asked
        self._offset = upload.offset
        complete = self._is_complete(upload)
        if complete:
            self.world.check_complete(upload.id)
        return complete

    def _is_complete(self, upload: Upload) -> bool:
        return upload.length == upload.offset

    async def _insist(self, request: Callable[[], Awaitable[T]]) -> T:
        give_up = self.world.loop.time() + GIVE_UP
        while self.world.loop.time() < give_up:
            try:
                return await request()
            except Broken:
                await asyncio.sleep(0.5)
        raise Violation("it never works")

    async def _ask(
        self, work: Callable[[Engine, SlowBody], Awaitable[T]], content: bytes = b"", *, cut: int | None = None
    ) -> T:
        """Send a request with the body `content`, which breaks after `cut` bytes if given, have the node do `work` for
        it, and return its result. Raises Vanished, Broken (also after PATIENCE seconds), ChecksumMismatch."""
        node = self.world.node(self._at)
        body = SlowBody(content, chunk=self._chunk, gap=self._gap, cut=cut)
        task = self.world.begin(node, lambda engine: work(engine, body))
        await asyncio.wait({task, node.machine.crashed}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        try:
            answer: T = _answered(task, body)
        except Broken:
            self._at += not self._roams
            body.cut()
            raise
        finally:
            self._at += self._roams
        return answer


def _answered(task: asyncio.Task[T], body: SlowBody) -> T:
    """Return the result of a request's task. Raises Vanished; ChecksumMismatch; Broken if the task isn't done, for
    other foreseen errors, and for a success on a cut or stopped body, as the HTTP layer answers none then."""
    try:
        if not task.done() or (task.exception() is None and body.end is not BodyEnd.COMPLETE):
            raise Broken
        return task.result()
    except ChecksumMismatch:
        raise
    except _GONE as gone:
        raise Vanished from gone
    except FORESEEN as error:
        raise Broken from error
