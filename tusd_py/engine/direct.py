"""Uploads that go straight to the storage: what is signed for whom, and how they end. No byte comes by here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from tusd_py.domain.allowed import check_allowed
from tusd_py.domain.direct_rules import (
    TOUCH,
    choose,
    count_again,
    count_later,
    most_whole,
    newest,
    overfull,
    plan_begin,
    plan_complete,
    plan_open,
    plan_part,
    plan_parts,
)
from tusd_py.domain.errors import Locked, Superseded, Unavailable, UploadLost
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Begin, Continue, Terminate
from tusd_py.domain.lifecycle import Change, end, fill, mark
from tusd_py.domain.refusals import AlreadyComplete, TooLarge, UnsupportedExtension, UploadNotFound
from tusd_py.domain.upload import DirectPart, Phase, Signed, Upload, UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import drive
from tusd_py.engine.loss import settling_loss
from tusd_py.engine.terminate import abandon, clear
from tusd_py.ports.direct import DirectAccess

_TOO_LONG = "its client has stored more bytes than an upload may have"


def access(engine: Engine) -> DirectAccess:
    """Raises UnsupportedExtension where clients can't reach the storage."""
    if engine.storage.direct is None:
        raise UnsupportedExtension("this server's storage can't be reached by clients")
    return engine.storage.direct


async def announce(engine: Engine, intent: Begin) -> Upload:
    """A new upload, as recorded; the storage isn't asked. Raises Refusal, StateUnavailable."""
    direct = access(engine)
    planned = plan_begin(
        intent, upload_id=engine.new_id(), limits=engine.limits, parts=direct.part_limits, now=engine.clock()
    )
    await engine.allow(intent, planned)
    return await engine.create(planned)


async def begin(engine: Engine, intent: Begin) -> Upload:
    """A new upload that is ready for parts. Raises Refusal, Unavailable; nothing of it is left then."""
    check_allowed(intent.metadata, engine.limits)
    upload = await announce(engine, intent)
    try:
        async with engine.hold(upload.id):
            return await _opened(engine, upload)
    except Exception:
        await abandon(engine, upload.id, Reason.FAILED_CREATION)
        raise


async def open_parts(engine: Engine, upload_id: UploadId, key: str, metadata: Mapping[str, bytes]) -> Upload:
    """The announced upload, ready for parts: safe to repeat. `metadata` is what wasn't known before.

    Raises Refusal, Locked, Superseded, Unavailable.
    """
    async with _held(engine, upload_id, key) as upload:
        planned = plan_open(upload, metadata, limits=engine.limits)
        await engine.allow(Continue(), planned)
        return await _opened(engine, planned)


async def _opened(engine: Engine, upload: Upload) -> Upload:
    try:
        begun = await access(engine).begin(upload)
        ready = Change(_to_be_counted(engine, replace(upload, cursor=begun.cursor)))
        return await engine.records.save(mark(ready, engine.clock()) if begun.troubled else ready)
    except Unavailable:
        await engine.records.remember_trouble(upload.id)
        raise


async def sign_whole(engine: Engine, upload: Upload, *, form: bool) -> Signed:
    """The one request that brings all of an upload that was announced so."""
    direct = access(engine)
    most = most_whole(engine.limits, direct.part_limits)
    return await direct.sign_whole(upload, most=most, lifetime=engine.limits.upload_url_lifetime, form=form)


async def sign_part(engine: Engine, upload_id: UploadId, key: str, number: int, length: int | None) -> Signed:
    """The request that brings a part; the storage isn't asked. Raises Refusal, StateUnavailable."""
    direct, upload = access(engine), await _recorded(engine, upload_id, key)
    bound = plan_part(upload, number, length, limits=engine.limits, parts=direct.part_limits)
    await engine.allow(Continue(), upload)
    await _moved(engine, upload)
    return await direct.sign_part(upload, number, bound, engine.limits.upload_url_lifetime)


async def _moved(engine: Engine, upload: Upload) -> None:
    if upload.updated_at < engine.clock() - TOUCH:
        with suppress(Locked, Superseded):  # whoever has it moves it, too
            async with engine.hold(upload.id, wait=0):
                await engine.records.save(Change(_to_be_counted(engine, upload)))


def _to_be_counted(engine: Engine, upload: Upload) -> Upload:
    return count_later(upload, limits=engine.limits, now=engine.clock())


async def parts(engine: Engine, upload_id: UploadId, key: str) -> Sequence[DirectPart]:
    """Those that are stored, for a client that goes on. Raises Refusal, UploadLost, Unavailable."""
    upload = await _recorded(engine, upload_id, key)
    if upload.phase is not Phase.OPEN:
        raise AlreadyComplete
    await engine.allow(Continue(), upload)
    await _moved(engine, upload)
    return newest(await access(engine).stored(upload))


async def complete(
    engine: Engine, upload_id: UploadId, key: str, read_named: Callable[[], Awaitable[Sequence[DirectPart]]]
) -> Upload:
    """The upload, done. Safe to repeat, as a client must that got no answer. Its list of parts is read only if the
    client may do that.

    Raises TooLarge (it has ended), another Refusal (nothing has changed), Locked, UploadLost, Superseded, Unavailable;
    and what `read_named` does.
    """
    await engine.allow(Continue(), await _recorded(engine, upload_id, key))
    named = await read_named()
    async with _held(engine, upload_id, key) as upload:
        if upload.phase is Phase.OPEN:
            return await drive(engine, await _filled(engine, upload, named))
        return await drive(engine, upload)


async def _filled(engine: Engine, upload: Upload, named: Sequence[DirectPart]) -> Upload:
    try:
        async with settling_loss(engine, lambda: upload):
            full, kept = await _counted(engine, upload, named)
    except TooLarge:
        await _end_too_long(engine, upload)
        raise
    return await engine.records.save(Change(full), [part.to_entry() for part in kept])


async def _counted(engine: Engine, upload: Upload, named: Sequence[DirectPart]) -> tuple[Upload, Sequence[DirectPart]]:
    """Without its parts it may still have its object: the record can be an old copy. Raises Refusal, UploadLost."""
    direct = access(engine)
    try:
        stored = await direct.stored(upload)
    except UploadLost:
        length = await direct.found(upload)
        if length is None:
            raise
        return fill(upload, length), ()
    kept = choose(named, stored)
    return plan_complete(upload, kept, limits=engine.limits, parts=direct.part_limits), kept


async def abort(engine: Engine, upload_id: UploadId, key: str) -> None:
    """End an unfinished upload. Raises Refusal, AlreadyComplete among them, Locked, Superseded, Unavailable."""
    async with _held(engine, upload_id, key) as upload:
        await engine.allow(Terminate(), upload)
        if (await drive(engine, upload)).done:
            raise AlreadyComplete
        await clear(engine, await engine.records.save(end(upload, Reason.CLIENT)))


async def count(engine: Engine, upload: Upload) -> None:
    """End an open upload of which its client has stored more than may be, or say when to look next. The caller holds
    it. Raises Superseded, Unavailable."""
    direct, stored = access(engine), list[DirectPart]()
    with suppress(UploadLost):  # its client is told, once it goes on
        stored += await direct.stored(upload)
    if overfull(upload, stored, direct.part_limits):
        await _end_too_long(engine, upload)
    else:
        await engine.records.note(count_again(upload, limits=engine.limits, now=engine.clock()))


async def _end_too_long(engine: Engine, upload: Upload) -> None:
    engine.observer.trouble("upload-lost", upload_id=upload.id, reason=_TOO_LONG)
    await clear(engine, await engine.records.save(end(upload, Reason.REFUSED)))


async def look(engine: Engine, upload: Upload) -> Upload:
    """The upload, done if its one request turns out to have brought it. The caller holds it.

    Raises UploadLost (it is more than may be, and on its way out), Superseded, Unavailable.
    """
    if not upload.awaited:
        return upload
    direct = access(engine)
    length = await direct.found(upload)
    if length is None:
        return upload
    if length > most_whole(engine.limits, direct.part_limits):
        await _end_too_long(engine, upload)
        raise UploadLost(_TOO_LONG)
    return await drive(engine, await engine.records.save(Change(fill(upload, length))))


@asynccontextmanager
async def _held(engine: Engine, upload_id: UploadId, key: str) -> AsyncIterator[Upload]:
    async with engine.hold(upload_id):
        yield await _recorded(engine, upload_id, key)


async def _recorded(engine: Engine, upload_id: UploadId, key: str) -> Upload:
    """The upload, as recorded. Raises UploadNotFound, UploadGone, StateUnavailable.

    The key is the record's or the request is about something else: a client can't have both swapped.
    """
    upload = plan_parts(await engine.state.load(upload_id), limits=engine.limits, now=engine.clock())
    if key != access(engine).key(upload):
        raise UploadNotFound
    return upload
