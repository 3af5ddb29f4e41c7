"""The use case of uploads that the server makes itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from tusd_py.domain.copying import copy_with
from tusd_py.domain.errors import Superseded
from tusd_py.domain.intents import Body, Create
from tusd_py.domain.lengths import remaining_bytes
from tusd_py.domain.lifecycle import advance
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.rules import plan_create
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.asking import ask_to_create
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import finish_upload
from tusd_py.engine.receive import Incoming, receive
from tusd_py.ports.body import BodyEnd, Chunk
from tusd_py.ports.progress import NO_WATCHER


async def make(engine: Engine, upload_id: UploadId, metadata: Metadata, chunks: AsyncGenerator[bytes, None]) -> Upload:
    """Create an upload with this id, whose owner is the engine's caller and whose bytes are those of `chunks`, finish
    it and return it. Hooks are asked as for a client's upload, except `pre-access`. Closes `chunks`.

    Raises what `chunks` raises, Refusal, Locked, UploadLost, Superseded, Unavailable. The caller of this function then
    has to remove the upload, if it exists: it may even be finished, as its last save may have succeeded without an
    answer.
    """
    async with aclosing(chunks):
        planned = plan_create(
            Create(metadata=metadata, unresumable=True),
            upload_id=upload_id,
            limits=engine.limits,
            now=engine.clock(),
            allowance=engine.allowance,
        )
        upload = await engine.create(await ask_to_create(engine, planned))
        async with engine.hold(upload.id, (body := _MadeBody(chunks)).stop) as lease:
            incoming = Incoming(body=body, announced=Body(length=None), watcher=NO_WATCHER, last=True)
            upload = await receive(
                engine, upload, incoming, max_bytes=remaining_bytes(upload, engine.limits), lease=lease
            )
            if body.end is not BodyEnd.COMPLETE:
                raise Superseded(upload.id)
            upload = await engine.records.grow(advance(copy_with(upload, length=upload.offset)))
            return await finish_upload(engine, upload)


class _MadeBody:
    """A request body (`ports.body.Body`) whose bytes this server makes."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self.end = BodyEnd.CUT

    async def chunks(self, max_bytes: int | None) -> AsyncIterator[Chunk]:
        room = max_bytes
        async for chunk in self._source:
            if self.end is BodyEnd.STOPPED:
                return
            if room is not None and len(chunk) > room:
                self.end = BodyEnd.TOO_LONG
                return
            room = None if room is None else room - len(chunk)
            yield chunk
        self.end = BodyEnd.COMPLETE

    def stop(self) -> None:
        self.end = BodyEnd.STOPPED
