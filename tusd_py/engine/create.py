"""The use case of a request that creates an upload: record the upload, and receive its first bytes if the request has a
body.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tusd_py.domain.errors import UploadLost, UploadSpoiled
from tusd_py.domain.events import Reason
from tusd_py.domain.hook_refusals import UploadStopped
from tusd_py.domain.intents import Completion, Create
from tusd_py.domain.lengths import close, growth, remaining_bytes
from tusd_py.domain.lifecycle import advance, resume
from tusd_py.domain.refusals import InconsistentLength, Malformed, TooLarge
from tusd_py.domain.rules import check_uses, named_partial, plan_create, plan_final, resolve_partial
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.asking import ask_to_create
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import finish_for_client
from tusd_py.engine.receive import Incoming, expect_nothing, receive
from tusd_py.engine.sniffing import check_partials
from tusd_py.engine.terminate import abandon, create_or_abandon
from tusd_py.ports.body import Body, BodyEnd
from tusd_py.ports.progress import NO_WATCHER, Watcher


async def create(engine: Engine, intent: Create, body: Body, watcher: Watcher = NO_WATCHER) -> Upload:
    """Create an upload with the body's bytes and return it as recorded: finished if it is complete. `watcher` tells the
    client of the recorded creation and bytes.

    Raises Refusal, UploadLost, Locked, Superseded, Unavailable. If the upload is recorded, it is ended then, unless its
    client knows its URL. A client that knows the URL can resume the upload, except after a body with too many bytes,
    UploadLost, UploadStopped and the refusal of the content by a hook or a scan, which end it, too. The use of the
    client's grant is given back with the end of an upload whose URL the client doesn't know.
    """
    engine.authorize(intent, None)
    if intent.kind is Kind.FINAL:
        planned = await _planned_final(engine, intent)
    else:
        planned = plan_create(
            intent, upload_id=engine.new_id(), limits=engine.limits, now=engine.clock(), allowance=engine.allowance
        )
    await engine.allow(intent, planned)
    planned = await ask_to_create(engine, planned)
    if intent.body is not None:
        growing = growth(planned, planned, intent.body)
        engine.open_uploads.check_claim(growing)
        await engine.quotas.check(engine.account, growing)
    noting = _NotingWatcher(watcher)
    async with _recording(engine, planned, intent, noting) as upload:
        if intent.body is None:
            return await _finish_empty(engine.refunding(), upload) if upload.full else upload
        last = intent.completion is Completion.WITH_THIS
        incoming = Incoming(body=body, announced=intent.body, watcher=noting, last=last)
        return await _fill(engine, upload, intent, incoming)


class _NotingWatcher:
    """A `ports.progress.Watcher` that passes all calls on to another, and notes if the client knows the upload's
    URL."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.client_knows = False

    async def on_created(self, upload: Upload) -> bool:
        self.client_knows = await self._watcher.on_created(upload)
        return self.client_knows

    def on_progress(self, upload: Upload) -> None:
        self._watcher.on_progress(upload)


async def _planned_final(engine: Engine, intent: Create) -> Upload:
    ids = [await _partial_id(engine, url, intent.endpoint) for url in intent.partials]
    check_uses(ids, engine.limits)
    uploads = {partial: await _own(engine, partial) for partial in dict.fromkeys(ids) if partial}
    partials = [uploads[partial] if partial else None for partial in ids]
    planned = plan_final(
        intent,
        partials,
        upload_id=engine.new_id(),
        limits=engine.limits,
        now=engine.clock(),
        allowance=engine.allowance,
    )
    await check_partials(engine, planned, [partial for partial in partials if partial])
    return planned


async def _partial_id(engine: Engine, url: str, endpoint: str) -> UploadId | None:
    """Return the id of the upload that a client names by `url`: by its id or its name, in a URL, in a path or alone.
    None for anything else, and for a name of no upload; an upload with the id need not exist. `endpoint` is
    `Create.endpoint`. Raises StateUnavailable."""
    if (upload_id := resolve_partial(url, engine.base_path, endpoint)) is not None:
        return upload_id
    name = named_partial(url, engine.base_path, endpoint)
    return None if name is None else await engine.state.resolve(name)


async def _own(engine: Engine, upload_id: UploadId) -> Upload | None:
    """Return the upload; None if there is none, or if the caller doesn't own it (`Rights.owns`). Raises
    StateUnavailable."""
    upload = await engine.state.load(upload_id)
    return upload if upload is not None and engine.rights.owns(engine.caller, upload) else None


@asynccontextmanager
async def _recording(engine: Engine, planned: Upload, intent: Create, noting: _NotingWatcher) -> AsyncIterator[Upload]:
    """Record the upload and yield it. Raises what `Engine.create` raises. If the context raises an Exception (not if it
    is cancelled), end the upload, unless its client can resume it (see `create`; `noting` tells if the client knows the
    URL), and raise the error again: as InconsistentLength if an IETF client's body (`Create.strict`) exceeds the
    length, as Malformed if a final upload's partial upload is lost.
    """
    upload = await create_or_abandon(engine, resume(planned))
    try:
        yield upload
    except Exception as error:
        if not noting.client_knows:
            refused = isinstance(error, UploadStopped)
            await abandon(engine.refunding(), upload.id, Reason.REFUSED if refused else Reason.FAILED_CREATION)
        elif isinstance(error, TooLarge | UploadSpoiled | UploadStopped):
            await abandon(engine, upload.id, Reason.REFUSED, unless_done=True)
        if isinstance(error, TooLarge) and intent.strict and upload.length is not None:
            raise InconsistentLength("the body has more bytes than the announced length") from error
        if isinstance(error, UploadLost) and intent.kind is Kind.FINAL:  # a partial upload ended since it was planned
            raise Malformed("Upload-Concat names an upload that is not here any more") from error
        raise


async def _finish_empty(engine: Engine, upload: Upload) -> Upload:
    async with engine.hold(upload.id):
        return await finish_for_client(engine, upload)


async def _fill(engine: Engine, upload: Upload, intent: Create, incoming: Incoming) -> Upload:
    """Receive the body's bytes, finish the upload if it is complete with them, and return it as recorded. It is locked
    before its client learns the URL: no other request writes to it before the received bytes are recorded."""
    async with engine.hold(upload.id, incoming.body.stop) as lease:
        if not await incoming.watcher.on_created(upload):
            engine = engine.refunding()
        max_bytes = remaining_bytes(upload, engine.limits)
        if max_bytes == 0:
            await expect_nothing(incoming)
        else:
            upload = await receive(engine, upload, incoming, max_bytes=max_bytes, lease=lease)
        closed = close(upload, intent) if incoming.body.end is BodyEnd.COMPLETE else upload
        if closed != upload:
            upload = await engine.records.save(advance(closed))
        return await finish_for_client(engine, upload, incoming.tally)
