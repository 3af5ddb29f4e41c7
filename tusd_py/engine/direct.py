"""Uploads that go straight to the storage: what is signed for whom, and how they end. No byte comes by here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from tusd_py.engine.finish import drive
from tusd_py.engine.loss import settling_loss
from tusd_py.engine.ports import Ports
from tusd_py.engine.terminate import abandon, clear
from tusd_py.errors import Locked, Superseded, Unavailable, UploadLost
from tusd_py.events import Reason
from tusd_py.lifecycle import Change, end, fill, mark
from tusd_py.model import DirectPart, Phase, Signed, Upload, UploadId
from tusd_py.protocol.allowed import check_allowed
from tusd_py.protocol.direct import (
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
from tusd_py.protocol.intents import Begin
from tusd_py.protocol.refusals import AlreadyComplete, TooLarge, UnsupportedExtension, UploadNotFound
from tusd_py.storage.direct import DirectAccess

_TOO_LONG = "its client has stored more bytes than an upload may have"


def access(ports: Ports) -> DirectAccess:
    """Raises UnsupportedExtension where clients can't reach the storage."""
    if ports.storage.direct is None:
        raise UnsupportedExtension("this server's storage can't be reached by clients")
    return ports.storage.direct


async def announce(ports: Ports, intent: Begin) -> Upload:
    """A new upload, as recorded; the storage isn't asked. Raises Refusal, StateUnavailable."""
    direct = access(ports)
    planned = plan_begin(
        intent, upload_id=ports.new_id(), limits=ports.limits, parts=direct.part_limits, now=ports.clock()
    )
    return await ports.create(planned)


async def begin(ports: Ports, intent: Begin) -> Upload:
    """A new upload that is ready for parts. Raises Refusal, Unavailable; nothing of it is left then."""
    check_allowed(intent.metadata, ports.limits)
    upload = await announce(ports, intent)
    try:
        async with ports.hold(upload.id):
            return await _opened(ports, upload)
    except Exception:
        await abandon(ports, upload.id, Reason.FAILED_CREATION)
        raise


async def open_parts(ports: Ports, upload_id: UploadId, key: str, metadata: Mapping[str, bytes]) -> Upload:
    """The announced upload, ready for parts: safe to repeat. `metadata` is what wasn't known before.

    Raises Refusal, Locked, Superseded, Unavailable.
    """
    async with _held(ports, upload_id, key) as upload:
        return await _opened(ports, plan_open(upload, metadata, limits=ports.limits))


async def _opened(ports: Ports, upload: Upload) -> Upload:
    try:
        begun = await access(ports).begin(upload)
        ready = Change(_to_be_counted(ports, replace(upload, cursor=begun.cursor)))
        return await ports.records.save(mark(ready, ports.clock()) if begun.troubled else ready)
    except Unavailable:
        await ports.records.remember_trouble(upload.id)
        raise


async def sign_whole(ports: Ports, upload: Upload, *, form: bool) -> Signed:
    """The one request that brings all of an upload that was announced so."""
    direct = access(ports)
    most = most_whole(ports.limits, direct.part_limits)
    return await direct.sign_whole(upload, most=most, lifetime=ports.limits.upload_url_lifetime, form=form)


async def sign_part(ports: Ports, upload_id: UploadId, key: str, number: int, length: int | None) -> Signed:
    """The request that brings a part; the storage isn't asked. Raises Refusal, StateUnavailable."""
    direct, upload = access(ports), await seen(ports, upload_id, key)
    bound = plan_part(upload, number, length, limits=ports.limits, parts=direct.part_limits)
    await _moved(ports, upload)
    return await direct.sign_part(upload, number, bound, ports.limits.upload_url_lifetime)


async def _moved(ports: Ports, upload: Upload) -> None:
    if upload.updated_at < ports.clock() - TOUCH:
        with suppress(Locked, Superseded):  # whoever has it moves it, too
            async with ports.hold(upload.id, wait=0):
                await ports.records.save(Change(_to_be_counted(ports, upload)))


def _to_be_counted(ports: Ports, upload: Upload) -> Upload:
    return count_later(upload, limits=ports.limits, now=ports.clock())


async def parts(ports: Ports, upload_id: UploadId, key: str) -> Sequence[DirectPart]:
    """Those that are stored, for a client that goes on. Raises Refusal, UploadLost, Unavailable."""
    upload = await seen(ports, upload_id, key)
    if upload.phase is not Phase.OPEN:
        raise AlreadyComplete
    await _moved(ports, upload)
    return newest(await access(ports).stored(upload))


async def complete(ports: Ports, upload_id: UploadId, key: str, named: Sequence[DirectPart]) -> Upload:
    """The upload, done. Safe to repeat, as a client must that got no answer.

    Raises TooLarge (it has ended), another Refusal (nothing has changed), Locked, UploadLost, Superseded, Unavailable.
    """
    async with _held(ports, upload_id, key) as upload:
        if upload.phase is Phase.OPEN:
            return await drive(ports, await _filled(ports, upload, named))
        return await drive(ports, upload)


async def _filled(ports: Ports, upload: Upload, named: Sequence[DirectPart]) -> Upload:
    try:
        async with settling_loss(ports, lambda: upload):
            full, kept = await _counted(ports, upload, named)
    except TooLarge:
        await _end_too_long(ports, upload)
        raise
    return await ports.records.save(Change(full), [part.to_entry() for part in kept])


async def _counted(ports: Ports, upload: Upload, named: Sequence[DirectPart]) -> tuple[Upload, Sequence[DirectPart]]:
    """Without its parts it may still have its object: the record can be an old copy. Raises Refusal, UploadLost."""
    direct = access(ports)
    try:
        stored = await direct.stored(upload)
    except UploadLost:
        length = await direct.found(upload)
        if length is None:
            raise
        return fill(upload, length), ()
    kept = choose(named, stored)
    return plan_complete(upload, kept, limits=ports.limits, parts=direct.part_limits), kept


async def abort(ports: Ports, upload_id: UploadId, key: str) -> None:
    """End an unfinished upload. Raises Refusal, AlreadyComplete among them, Locked, Superseded, Unavailable."""
    async with _held(ports, upload_id, key) as upload:
        if (await drive(ports, upload)).done:
            raise AlreadyComplete
        await clear(ports, await ports.records.save(end(upload, Reason.CLIENT)))


async def count(ports: Ports, upload: Upload) -> None:
    """End an open upload of which its client has stored more than may be, or say when to look next. The caller holds
    it. Raises Superseded, Unavailable."""
    direct, stored = access(ports), list[DirectPart]()
    with suppress(UploadLost):  # its client is told, once it goes on
        stored += await direct.stored(upload)
    if overfull(upload, stored, direct.part_limits):
        await _end_too_long(ports, upload)
    else:
        await ports.records.note(count_again(upload, limits=ports.limits, now=ports.clock()))


async def _end_too_long(ports: Ports, upload: Upload) -> None:
    ports.observer.trouble("upload-lost", upload_id=upload.id, reason=_TOO_LONG)
    await clear(ports, await ports.records.save(end(upload, Reason.REFUSED)))


async def look(ports: Ports, upload: Upload) -> Upload:
    """The upload, done if its one request turns out to have brought it. The caller holds it.

    Raises UploadLost (it is more than may be, and on its way out), Superseded, Unavailable.
    """
    if not upload.awaited:
        return upload
    direct = access(ports)
    length = await direct.found(upload)
    if length is None:
        return upload
    if length > most_whole(ports.limits, direct.part_limits):
        await _end_too_long(ports, upload)
        raise UploadLost(_TOO_LONG)
    return await drive(ports, await ports.records.save(Change(fill(upload, length))))


@asynccontextmanager
async def _held(ports: Ports, upload_id: UploadId, key: str) -> AsyncIterator[Upload]:
    async with ports.hold(upload_id):
        yield await seen(ports, upload_id, key)


async def seen(ports: Ports, upload_id: UploadId, key: str) -> Upload:
    """The upload, as recorded. Raises UploadNotFound, UploadGone, StateUnavailable.

    The key is the record's or the request is about something else: a client can't have both swapped.
    """
    upload = plan_parts(await ports.state.load(upload_id), limits=ports.limits, now=ports.clock())
    if key != access(ports).key(upload):
        raise UploadNotFound
    return upload
