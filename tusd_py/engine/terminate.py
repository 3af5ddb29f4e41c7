"""The end of an upload, by DELETE or because its client can't resume it: the end is recorded, which hides the upload;
then its bytes are removed, then its record, or, with `Limits.answers_gone`, the record is kept for a week, marked as
gone."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice

from tusd_py.domain.errors import Locked, StateFull, StateUnavailable, Superseded, Unavailable
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Terminate
from tusd_py.domain.lifecycle import Change, end, forget
from tusd_py.domain.phase import Phase
from tusd_py.domain.rules import plan_terminate
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine, PendingEnd

_LATE = 60.0
"""Seconds for which the creation of a record may still take effect after the state gave no answer to it."""
_AT_ONCE = 100
"""The most ends of uploads (`Engine.pending_ends`) that one sweep tries again."""
_MOST_PENDING = 1000
"""The most ends that one process remembers to try again: all creations fail while the state is away, and most of them
have left nothing."""


async def terminate(engine: Engine, upload_id: UploadId, reason: Reason = Reason.CLIENT) -> None:
    """End the upload for `reason`, whether it is finished or not; only for `Reason.CLIENT`, first ask the hook
    `pre-terminate`. Raises Refusal (UploadNotFound or UploadGone also if the upload is expired or has ended, Forbidden
    also if it is finished and `Limits.terminates_finished` is False, unless it is partial), Locked, Superseded,
    StateUnavailable.

    The recorded end is final: what can't be removed from the storage now, a sweep removes later.
    """
    async with engine.hold_for(Terminate(), upload_id) as (_, upload):
        change = plan_terminate(upload, reason, limits=engine.limits, now=engine.clock())
        await engine.allow(Terminate(), change.upload)
        if reason is Reason.CLIENT and upload is not None:
            engine.answer(await engine.questions.before_terminate(engine.caller, upload))
        await clear(engine, await engine.records.save(change))


async def abandon(engine: Engine, upload_id: UploadId, reason: Reason, *, unless_done: bool = False) -> bool:
    """End an upload that its client can't resume; a failure is only reported, and a sweep tries again (`retry_ends`),
    unless this process has 1000 such ends to try already. With `unless_done`, an upload that another request has
    finished meanwhile stays, and the result is True; else it is False."""
    pending = PendingEnd(reason=reason, unless_done=unless_done, refund=engine.records.refund)
    try:
        return await _end(engine, upload_id, pending)
    except (Locked, Superseded, Unavailable) as error:
        engine.observer.trouble("left behind", upload_id=upload_id, reason=str(error))
        _postpone(engine, upload_id, pending)
    return False


async def create_or_abandon(engine: Engine, planned: Upload) -> Upload:
    """Record a new upload and return it. If the state gives no answer, the upload may be recorded, now or a little
    later, though its client doesn't know of it: end it now, and have a sweep look again, unless this process has 1000
    such ends to try already. Raises what `Engine.create` raises."""
    try:
        return await engine.create(planned)
    except StateFull:
        raise  # an answer: nothing was recorded
    except StateUnavailable:
        until, refund = engine.clock() + _LATE, engine.allowance.grant
        pending = PendingEnd(reason=Reason.FAILED_CREATION, refund=refund, until=until)
        with suppress(Locked, Superseded, Unavailable):
            await _end(engine.refunding(), planned.id, pending)
        _postpone(engine, planned.id, pending)
        raise


async def retry_ends(engine: Engine) -> None:
    """Try again to end the uploads of `Engine.pending_ends`, up to 100 of them, the longest waiting first. An upload
    that is locked, or that another process changes meanwhile, stays for a later call; so does, after this try, one
    whose creation may still take effect. Raises StateUnavailable."""
    for upload_id, pending in tuple(islice(engine.pending_ends.items(), _AT_ONCE)):
        engine.pending_ends[upload_id] = engine.pending_ends.pop(upload_id)  # behind the others
        with suppress(Locked, Superseded):
            await _end(engine.giving_back(pending.refund), upload_id, pending, wait=0)
            if pending.until <= engine.clock():
                del engine.pending_ends[upload_id]


def _postpone(engine: Engine, upload_id: UploadId, pending: PendingEnd) -> None:
    if len(engine.pending_ends) < _MOST_PENDING:
        engine.pending_ends[upload_id] = pending


async def _end(engine: Engine, upload_id: UploadId, pending: PendingEnd, *, wait: float | None = None) -> bool:
    """End the upload for the pending reason and remove it, as far as that can be done now; do nothing if it is gone.
    With `pending.unless_done`, a finished upload stays, and the result is True; else it is False. `wait` is that of
    `Engine.hold`. Raises Locked, Superseded, StateUnavailable."""
    async with engine.hold(upload_id, wait=wait):
        upload = await engine.state.load(upload_id)
        if upload is not None and upload.done and pending.unless_done:
            return True
        if upload is not None and upload.phase is not Phase.GONE:
            await clear(engine, await engine.records.save(end(upload, pending.reason)))
    return False


async def clear(engine: Engine, upload: Upload) -> bool:
    """Remove what a terminating upload left in the storage, then its record, or, with `Limits.answers_gone`, record the
    upload as gone: a sweep deletes that record a week later. A sweep retries what fails.

    The record stays terminating while pending requests may still store something; a sweep cleans up again after that.
    Returns True then, too; False if the storage or the state failed, or another process changed the record.
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
