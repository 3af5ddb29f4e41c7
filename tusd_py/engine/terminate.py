"""The end of an upload, by DELETE or because its client can't resume it: the end is recorded, which hides the upload;
then its bytes are removed, then its record, or all of the record but that the upload existed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tusd_py.domain.errors import Locked, Superseded, Unavailable
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Terminate
from tusd_py.domain.lifecycle import Change, end, forget
from tusd_py.domain.phase import Phase
from tusd_py.domain.rules import plan_terminate
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine


async def terminate(engine: Engine, upload_id: UploadId, reason: Reason = Reason.CLIENT) -> None:
    """End the upload, whether it is finished or not. Raises Refusal (also if it is expired, or has ended already),
    Locked, Superseded, StateUnavailable.

    The recorded end is final: what can't be removed from the storage now, a sweep removes later.
    """
    async with engine.hold_for(Terminate(), upload_id) as (_, upload):
        change = plan_terminate(upload, reason, limits=engine.limits, now=engine.clock())
        await engine.allow(Terminate(), change.upload)
        if reason is Reason.CLIENT and upload is not None:
            engine.answer(await engine.questions.before_terminate(engine.caller, upload))
        await clear(engine, await engine.records.save(change))


async def abandon(engine: Engine, upload_id: UploadId, reason: Reason, *, unless_done: bool = False) -> bool:
    """End an upload that its client can't resume; a failure is only reported. With `unless_done`, an upload that
    another request has finished meanwhile stays, and the result is True; else it is False."""
    with _reporting(engine, upload_id):
        return await _end(engine, upload_id, reason, unless_done=unless_done)
    return False


async def end_failed(engine: Engine, upload_id: UploadId) -> None:
    """End an upload in `Engine.unended`, and take it out of there; a failure is only reported."""
    with _reporting(engine, upload_id):
        await _end(engine.unended[upload_id], upload_id, Reason.FAILED_CREATION)
        del engine.unended[upload_id]


@contextmanager
def _reporting(engine: Engine, upload_id: UploadId) -> Iterator[None]:
    try:
        yield
    except (Locked, Superseded, Unavailable) as error:
        engine.observer.trouble("left behind", upload_id=upload_id, reason=str(error))


async def _end(engine: Engine, upload_id: UploadId, reason: Reason, *, unless_done: bool = False) -> bool:
    """End the upload; with `unless_done`, return True if it has finished. Raises Locked, Superseded, Unavailable."""
    async with engine.hold(upload_id):
        upload = await engine.state.load(upload_id)
        if upload is not None and upload.done and unless_done:
            return True
        if upload is not None and upload.phase is not Phase.GONE:
            await clear(engine, await engine.records.save(end(upload, reason)))
    return False


async def clear(engine: Engine, upload: Upload) -> bool:
    """Remove what a terminating upload left in the storage, then its record, or, with `Limits.answers_gone`, all of the
    record but that it existed. A sweep retries what fails.

    The record stays while pending requests may still store something; a sweep cleans up again after that. Returns True
    then, too; False if the storage or the state failed, or another process changed the record.
    """
    began = engine.clock()  # before the listing, which may take long and shows the time of its request
    try:
        await (engine.storage.discard(upload) if upload.troubled_at is None else engine.storage.clean(upload))
        await _close(engine, upload, again=began < upload.settled_at)
    except (Superseded, Unavailable) as error:
        engine.observer.trouble("left behind", upload_id=upload.id, reason=str(error))
        return False
    return True


async def _close(engine: Engine, upload: Upload, *, again: bool) -> None:
    if again:
        await engine.records.save(Change(upload))
    elif engine.limits.answers_gone:
        await engine.records.save(Change(forget(upload)))
    else:
        await engine.records.delete(upload)
