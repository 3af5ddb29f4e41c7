"""POST, in words: remember the upload, and take its first bytes if the request brought any."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tusd_py.engine.finish import drive
from tusd_py.engine.ports import Ports
from tusd_py.engine.receive import Delivery, expect_nothing, receive
from tusd_py.engine.terminate import forget
from tusd_py.engine.watching import NOBODY, Watcher
from tusd_py.errors import UploadSpoiled
from tusd_py.model import Kind, Phase, Upload
from tusd_py.pipeline.body import Body, BodyEnd
from tusd_py.protocol.intents import Create
from tusd_py.protocol.lengths import close, growth, room_left
from tusd_py.protocol.refusals import InconsistentLength, TooLarge
from tusd_py.protocol.rules import check_uses, plan_create, plan_final, resolve_partial


async def create(ports: Ports, intent: Create, body: Body, watcher: Watcher = NOBODY) -> Upload:
    """The new upload as recorded, with the bytes that came along; a final one is done.

    Raises Refusal, Superseded, Unavailable; nothing of the upload is left then, unless its client was told of it.
    """
    if intent.kind is Kind.FINAL:
        planned = await _planned_final(ports, intent)
    else:
        planned = plan_create(intent, upload_id=ports.new_id(), limits=ports.limits, now=ports.clock())
    if intent.body is not None:
        ports.open_uploads.check_claim(growth(planned, planned, intent.body))
    noting = _Noting(watcher)
    async with _remembered(ports, planned, intent, noting) as upload:
        if intent.body is None:
            return await _empty(ports, upload) if upload.full else upload
        return await _fill(ports, upload, intent, Delivery(body=body, announced=intent.body, watcher=noting))


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


async def _planned_final(ports: Ports, intent: Create) -> Upload:
    ids = [resolve_partial(url, ports.base_path) for url in intent.partials]
    check_uses(ids, ports.limits)
    found = {partial: await ports.state.load(partial) for partial in dict.fromkeys(ids) if partial}
    partials = [found[partial] if partial else None for partial in ids]
    return plan_final(intent, partials, upload_id=ports.new_id(), limits=ports.limits, now=ports.clock())


@asynccontextmanager
async def _remembered(ports: Ports, planned: Upload, intent: Create, noting: _Noting) -> AsyncIterator[Upload]:
    """The upload in the state store; should its first request fail, it is forgotten again if nobody was told of it."""
    upload = await ports.create(replace(planned, phase=Phase.FINISHING) if planned.full else planned)
    try:
        yield upload
    except Exception as error:
        if not noting.told or isinstance(error, TooLarge | UploadSpoiled):
            await forget(ports, upload.id)
        if isinstance(error, TooLarge) and intent.strict and upload.length is not None:
            raise InconsistentLength("more bytes than the upload was said to have") from error
        raise


async def _empty(ports: Ports, upload: Upload) -> Upload:
    async with ports.hold(upload.id):
        return await drive(ports, upload)


async def _fill(ports: Ports, upload: Upload, intent: Create, delivery: Delivery) -> Upload:
    """Whoever asks for an upload it was told of finds it held, and its bytes on their way."""
    async with ports.hold(upload.id, delivery.body.stop) as lease:
        await delivery.watcher.begun(upload)
        room = room_left(upload, ports.limits)
        if room == 0:
            await expect_nothing(delivery)
        else:
            upload = await receive(ports, upload, delivery, room=room, lease=lease)
        closed = close(upload, intent) if delivery.body.end is BodyEnd.COMPLETE else upload
        if closed != upload:
            upload = await ports.save(replace(closed, phase=Phase.FINISHING))
        return await drive(ports, upload, delivery.tally)
