"""The use case of PATCH: lock the upload, check the request, and only then receive the bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tusd_py.domain.errors import UploadSpoiled
from tusd_py.domain.events import Reason
from tusd_py.domain.hook_refusals import UploadStopped
from tusd_py.domain.intents import Append, Completion
from tusd_py.domain.lengths import close, exceeded_length
from tusd_py.domain.lifecycle import advance
from tusd_py.domain.refusals import AlreadyComplete, InconsistentLength, TooLarge
from tusd_py.domain.rules import AppendPlan, plan_append
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.domain.usage import unreserved
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import finish_for_client, finish_upload
from tusd_py.engine.receive import Incoming, expect_nothing, receive
from tusd_py.engine.terminate import abandon
from tusd_py.ports.body import Body, BodyEnd
from tusd_py.ports.locks import Lease
from tusd_py.ports.progress import NO_WATCHER, Watcher


async def append(
    engine: Engine, upload_id: UploadId, intent: Append, body: Body, watcher: Watcher = NO_WATCHER
) -> Upload:
    """Append the body's bytes and return the upload as recorded, done if that completes it. `watcher` tells the client
    of recorded bytes.

    Raises Refusal, UploadLost (the upload has ended), Locked, Superseded, Unavailable. A refusal ends the upload if a
    hook or a scan refuses its content, a hook stops it (UploadStopped), or an IETF client (`Append.strict`) sent more
    bytes than the length of an unfinished upload. After any other, the upload keeps its recorded bytes.
    """
    last = intent.completion is Completion.WITH_THIS
    incoming = Incoming(body=body, announced=intent.body, watcher=watcher, last=last)
    async with (
        _ending_if_invalid(engine, upload_id, intent),
        engine.hold_for(intent, upload_id, body.stop) as (lease, stored),
    ):
        upload = None if stored is None else await finish_upload(engine, stored)
        plan = plan_append(intent, upload, limits=engine.limits, now=engine.clock())
        await engine.allow(intent, plan.upload)
        engine.open_uploads.check_claim(plan.growth)
        await engine.quotas.check(plan.upload.account, unreserved(plan.upload, plan.growth))
        if plan.max_bytes != 0 and intent.body.length != 0:
            engine.free_space.check()
        return await _carry_out(engine, plan, intent, incoming, lease)


async def _carry_out(engine: Engine, plan: AppendPlan, intent: Append, incoming: Incoming, lease: Lease) -> Upload:
    upload = plan.upload
    if plan.max_bytes == 0:
        await expect_nothing(incoming)
    else:
        upload = await receive(engine, upload, incoming, max_bytes=plan.max_bytes, lease=lease)
    closed = close(upload, intent) if incoming.body.end is BodyEnd.COMPLETE else upload
    unsaved = plan.declared and upload.revision == plan.upload.revision
    if unsaved or closed != upload:
        upload = await engine.records.grow(advance(closed))
    return await finish_for_client(engine, upload, incoming.tally)


@asynccontextmanager
async def _ending_if_invalid(engine: Engine, upload_id: UploadId, intent: Append) -> AsyncIterator[None]:
    """End the upload, unless it is done, if the context raises UploadSpoiled (its bytes don't have its digest),
    UploadStopped (a hook stops it), or TooLarge for an IETF client (`Append.strict`) that sent more bytes than the
    upload's length. The error is raised again, but in place of such a TooLarge InconsistentLength, or AlreadyComplete
    if the upload is done. Also raises StateUnavailable.
    """
    try:
        yield
    except TooLarge as surplus:
        if not intent.strict:
            raise
        await _invalidate(engine, upload_id, intent, surplus)
        raise
    except (UploadSpoiled, UploadStopped):
        await abandon(engine, upload_id, Reason.REFUSED, unless_done=True)
        raise


async def _invalidate(engine: Engine, upload_id: UploadId, intent: Append, surplus: TooLarge) -> None:
    """End an unfinished upload for which a request brought more bytes than its length, and raise InconsistentLength. If
    the upload is done, raise AlreadyComplete instead. If the request exceeded a limit, not a length
    (`exceeded_length`), or the upload has no record, just return. `surplus` becomes the cause of the raised error. Also
    raises StateUnavailable.
    """
    upload = await engine.state.load(upload_id)
    if upload is None or exceeded_length(upload, intent, engine.limits) is None:
        return
    if upload.done or await abandon(engine, upload_id, Reason.REFUSED, unless_done=True):
        raise AlreadyComplete from surplus
    raise InconsistentLength("more bytes than the upload has: it was removed") from surplus
