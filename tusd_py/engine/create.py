"""POST, in words: remember the upload, and take its first bytes if the request brought any."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tusd_py.domain.errors import UploadSpoiled
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Create
from tusd_py.domain.lengths import close, growth, room_left
from tusd_py.domain.lifecycle import advance, resume
from tusd_py.domain.refusals import InconsistentLength, TooLarge
from tusd_py.domain.rules import check_uses, plan_create, plan_final, resolve_partial
from tusd_py.domain.upload import Kind, Upload
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import drive
from tusd_py.engine.receive import Delivery, expect_nothing, receive
from tusd_py.engine.terminate import abandon
from tusd_py.ports.body import Body, BodyEnd
from tusd_py.ports.progress import NOBODY, Watcher


async def create(engine: Engine, intent: Create, body: Body, watcher: Watcher = NOBODY) -> Upload:
    """The new upload as recorded, with the bytes that came along; a final one is done.

    Raises Refusal, Superseded, Unavailable; nothing of the upload is left then, unless its client was told of it.
    """
    if intent.kind is Kind.FINAL:
        planned = await _planned_final(engine, intent)
    else:
        planned = plan_create(intent, upload_id=engine.new_id(), limits=engine.limits, now=engine.clock())
    await engine.allow(intent, planned)
    if intent.body is not None:
        engine.open_uploads.check_claim(growth(planned, planned, intent.body))
    noting = _Noting(watcher)
    async with _remembered(engine, planned, intent, noting) as upload:
        if intent.body is None:
            return await _empty(engine, upload) if upload.full else upload
        return await _fill(engine, upload, intent, Delivery(body=body, announced=intent.body, watcher=noting))


class _Noting:
    """A watcher that remembers whether the client knows of the upload."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.told = False

    async def begun(self, upload: Upload) -> bool:
        self.told = await self._watcher.begun(upload)
        return self.told

    def moved(self, upload: Upload) -> None:
        self._watcher.moved(upload)


async def _planned_final(engine: Engine, intent: Create) -> Upload:
    ids = [resolve_partial(url, engine.base_path) for url in intent.partials]
    check_uses(ids, engine.limits)
    found = {partial: await engine.state.load(partial) for partial in dict.fromkeys(ids) if partial}
    partials = [found[partial] if partial else None for partial in ids]
    return plan_final(intent, partials, upload_id=engine.new_id(), limits=engine.limits, now=engine.clock())


@asynccontextmanager
async def _remembered(engine: Engine, planned: Upload, intent: Create, noting: _Noting) -> AsyncIterator[Upload]:
    """The upload in the state store; should its first request fail, it is forgotten again if nobody was told of it."""
    upload = await engine.create(resume(planned))
    try:
        yield upload
    except Exception as error:
        if not noting.told or isinstance(error, TooLarge | UploadSpoiled):
            await abandon(engine, upload.id, Reason.FAILED_CREATION if not noting.told else Reason.REFUSED)
        if isinstance(error, TooLarge) and intent.strict and upload.length is not None:
            raise InconsistentLength("more bytes than the upload was said to have") from error
        raise


async def _empty(engine: Engine, upload: Upload) -> Upload:
    async with engine.hold(upload.id):
        return await drive(engine, upload)


async def _fill(engine: Engine, upload: Upload, intent: Create, delivery: Delivery) -> Upload:
    """Whoever asks for an upload it was told of finds it held, and its bytes on their way."""
    async with engine.hold(upload.id, delivery.body.stop) as lease:
        await delivery.watcher.begun(upload)
        room = room_left(upload, engine.limits)
        if room == 0:
            await expect_nothing(delivery)
        else:
            upload = await receive(engine, upload, delivery, room=room, lease=lease)
        closed = close(upload, intent) if delivery.body.end is BodyEnd.COMPLETE else upload
        if closed != upload:
            upload = await engine.records.save(advance(closed))
        return await drive(engine, upload, delivery.tally)
