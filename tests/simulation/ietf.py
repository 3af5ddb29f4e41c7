"""An IETF client that retries after each failure. Interim responses tell it the upload's URL and offset; with each
request it says if that one completes the upload."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.simulation.client import GIVE_UP, Broken, Client, Vanished
from tests.simulation.world import Violation, World
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.intents import Append, Body, Completion, Create
from tusd_py.domain.upload import Upload
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.lookup import inspect


class Hearing:
    """The engine's way to tell the client of a request's progress (`ports.progress.Watcher`): it passes the URL and the
    offsets on, as interim responses do, while `connected` is true."""

    def __init__(self, client: IetfClient) -> None:
        self._client = client
        self.connected = True

    async def on_created(self, upload: Upload) -> bool:
        if self.connected:
            self._client.url = upload.id
        return self.connected

    def on_progress(self, upload: Upload) -> None:
        if self.connected:
            self._client._hear(upload)


class IetfClient(Client):
    """An IETF client that announces the SHA-256 digest of its whole content, or of `announced` instead."""

    def __init__(self, world: World, content: bytes, *, announced: bytes | None = None, **way: Any) -> None:
        super().__init__(world, content, **way)
        self._announced = content if announced is None else announced

    async def begin(self, first: int | None = None) -> None:
        """Send POST requests with the first `first` bytes, or with all for None, until the client knows the upload's
        URL. A request with all bytes says that it completes the upload. Raises Vanished; Violation for an answer that
        breaks a promise, and after GIVE_UP seconds."""
        body_bytes = self.content[:first]
        give_up = self.world.loop.time() + GIVE_UP
        while self.url is None and self.world.loop.time() < give_up:
            try:
                await self._begin(body_bytes)
            except Broken:
                await asyncio.sleep(0.5)
        if self.url is None:
            raise Violation("the client never learns the upload's URL")

    async def go_on(
        self,
        piece: int | None = None,
        *,
        until: int | None = None,
        checksum: str | None = None,
        chunked: bool = False,
    ) -> None:
        """Send PATCH requests of `piece` bytes, or of all the rest, until the server says that the upload is complete
        or has `until` bytes. Before the first and after each failure, ask for the offset. `checksum` names the
        algorithm of a checksum that each request has; with `chunked`, none declares the length of its body.

        Raises Vanished; Violation after 600 s, or for an answer that breaks a promise.
        """
        give_up = self.world.loop.time() + GIVE_UP
        while self.world.loop.time() < give_up:
            try:
                if self._hear(await self._ask(lambda engine, _: inspect(engine, self.upload_id))):
                    return
                while until is None or self._offset < until:
                    if self._hear(await self._append(piece, checksum, chunked=chunked)):
                        return
            except Broken:
                await asyncio.sleep(0.5)
            else:
                return
        raise Violation(f"no way to go on from offset {self._offset}")

    async def surpass(self, surplus: int) -> None:
        """Send the rest of the content and `surplus` bytes more, until the server answers that the upload is gone.
        Raises Violation if it accepts them, or never answers so in 600 s."""
        body_bytes = self.content[self._offset :] + b"#" * surplus
        intent = Append(offset=self._offset, body=Body(length=None), completion=Completion.WITH_THIS, strict=True)
        give_up = self.world.loop.time() + GIVE_UP
        while self.world.loop.time() < give_up:
            try:
                await self._ask(lambda engine, body: append(engine, self.upload_id, intent, body), body_bytes)
            except Vanished:
                return
            except Broken:
                await asyncio.sleep(0.5)
            else:
                raise Violation("more bytes were taken than the upload has")
        raise Violation("its client is never told")

    def _is_complete(self, upload: Upload) -> bool:
        return upload.done

    async def _begin(self, body_bytes: bytes) -> None:
        intent = Create(
            length=len(self.content),
            metadata={"name": self._name},
            body=Body(length=len(body_bytes)),
            whole=WholeDigest(algorithm="sha256", value=hashlib.sha256(self._announced).hexdigest()),
            **self._ends(len(body_bytes)),
        )
        with self._hearing() as hearing:
            self._hear(await self._ask(lambda engine, body: create(engine, intent, body, hearing), body_bytes))

    @contextmanager
    def _hearing(self) -> Iterator[Hearing]:
        """Yield a `Hearing` for one request: it tells the client of the URL and the offsets, as interim responses do,
        until the context ends."""
        hearing = Hearing(self)
        try:
            yield hearing
        finally:
            hearing.connected = False

    async def _append(self, piece: int | None, checksum: str | None, *, chunked: bool) -> Upload:
        """Send the next `piece` bytes, or all the rest for None, and return the upload as the server answers. With
        `piece`, only a request without bytes, after the last byte, completes the upload. `checksum` and `chunked` are
        as in `go_on`. Raises Vanished, Broken."""
        offset = self._offset
        body_bytes = self.content[offset:] if piece is None else self.content[offset : offset + piece]
        ends = self._ends(len(self.content) if piece is None or not body_bytes else 0)
        body = Body(length=None if chunked else len(body_bytes), checksum=self._sum(checksum, body_bytes))
        intent = Append(offset=offset, body=body, **ends)
        with self._hearing() as hearing:
            return await self._ask(
                lambda engine, body: append(engine, self.upload_id, intent, body, hearing), body_bytes
            )

    def _ends(self, stop: int) -> dict[str, Any]:
        whole = stop == len(self.content)
        return {"completion": Completion.WITH_THIS if whole else Completion.NOT_YET, "strict": True}
