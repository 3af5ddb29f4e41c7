"""PATCH, in words: hold the upload, decide, and only then take the bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tusd_py.domain.errors import UploadSpoiled
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Append
from tusd_py.domain.lengths import close
from tusd_py.domain.lifecycle import advance
from tusd_py.domain.refusals import AlreadyComplete, InconsistentLength, TooLarge
from tusd_py.domain.rules import AppendPlan, plan_append
from tusd_py.domain.upload import Upload, UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import drive
from tusd_py.engine.receive import Delivery, expect_nothing, receive
from tusd_py.engine.terminate import abandon
from tusd_py.ports.body import Body, BodyEnd
from tusd_py.ports.locks import Lease
from tusd_py.ports.progress import NOBODY, Watcher


async def append(engine: Engine, upload_id: UploadId, intent: Append, body: Body, watcher: Watcher = NOBODY) -> Upload:
    """The upload with the body's bytes, as recorded; done if they were the last.

    Raises Refusal (nothing has changed, but for InconsistentLength), Locked, UploadLost, Superseded, Unavailable.
    """
    delivery = Delivery(body=body, announced=intent.body, watcher=watcher)
    async with _ended_by(engine, upload_id, intent), engine.hold(upload_id, body.stop) as lease:
        upload = await engine.state.load(upload_id)
        if upload is not None:
            upload = await drive(engine, upload)
        plan = plan_append(intent, upload, limits=engine.limits, now=engine.clock())
        await engine.allow(intent, plan.upload)
        engine.open_uploads.check_claim(plan.growth)
        if plan.room != 0 and intent.body.length != 0:
            engine.room.check()
        return await _carry_out(engine, plan, intent, delivery, lease)


async def _carry_out(engine: Engine, plan: AppendPlan, intent: Append, delivery: Delivery, lease: Lease) -> Upload:
    upload = plan.upload
    if plan.room == 0:
        await expect_nothing(delivery)
    else:
        upload = await receive(engine, upload, delivery, room=plan.room, lease=lease)
    closed = close(upload, intent) if delivery.body.end is BodyEnd.COMPLETE else upload
    unsaved = plan.declared and upload.revision == plan.upload.revision
    if unsaved or closed != upload:
        upload = await engine.records.save(advance(closed))
    return await drive(engine, upload, delivery.tally)


@asynccontextmanager
async def _ended_by(engine: Engine, upload_id: UploadId, intent: Append) -> AsyncIterator[None]:
    """Bytes past the length end an upload whose client is told so (IETF, 4.4.2), and so does another digest."""
    try:
        yield
    except TooLarge as surplus:
        if not intent.strict:
            raise
        await _invalidate(engine, upload_id, surplus)
        raise
    except UploadSpoiled:
        await abandon(engine, upload_id, Reason.REFUSED)
        raise


async def _invalidate(engine: Engine, upload_id: UploadId, surplus: TooLarge) -> None:
    """Nothing is done to a complete upload, nor to one that only a limit keeps from growing."""
    upload = await engine.state.load(upload_id)
    if upload is None or upload.length is None:
        return
    if upload.done:
        raise AlreadyComplete from surplus
    await abandon(engine, upload_id, Reason.REFUSED)
    raise InconsistentLength("more bytes than the upload has: it was removed") from surplus
