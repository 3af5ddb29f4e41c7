"""The use cases of direct uploads, whose bytes clients send to the storage: signing requests, and completion.

A client names an upload by its id and the `key` of its object; UploadNotFound is raised unless the key is the record's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from tusd_py.domain.copying import copy_with
from tusd_py.domain.direct import DirectPart, Signed
from tusd_py.domain.direct_rules import (
    TOUCH,
    choose,
    expect_presigned,
    length_missing,
    max_whole_length,
    newest,
    overfull,
    plan_begin,
    plan_complete,
    plan_open,
    plan_part,
    plan_parts,
    reschedule_parts_check,
    schedule_parts_check,
    signature_lifetime,
)
from tusd_py.domain.errors import Locked, Superseded, Unavailable, UploadLost
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Begin, Continue, Terminate
from tusd_py.domain.lifecycle import Change, end, fill, mark_troubled
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import AlreadyComplete, TooLarge, UnsupportedExtension, UploadNotFound
from tusd_py.domain.rules import check_not_paused
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.asking import ask_to_create
from tusd_py.engine.confirm_loss import confirming_loss
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import finish_for_client, finish_upload
from tusd_py.engine.terminate import abandon, clear, create_or_abandon
from tusd_py.ports.direct import DirectAccess

_TOO_LONG = "its client has stored more bytes than an upload may have"


def access(engine: Engine) -> DirectAccess:
    """Return the port through which the storage signs clients' requests to it. Raises UnsupportedExtension if clients
    can't reach the storage."""
    if engine.storage.direct is None:
        raise UnsupportedExtension("this server's storage can't be reached by clients")
    return engine.storage.direct


async def announce(engine: Engine, intent: Begin) -> Upload:
    """Record a new direct upload and return it. The storage is only asked if a hook or a credential chose the object's
    key, which must not be in use. Raises Refusal, Unavailable."""
    direct = access(engine)
    engine.authorize(intent, None)
    planned = plan_begin(
        intent,
        upload_id=engine.new_id(),
        limits=engine.limits,
        parts=direct.part_limits,
        now=engine.clock(),
        allowance=engine.allowance,
    )
    await engine.allow(intent, planned)
    quota = engine.quotas.of(engine.account)
    if planned.length is None and quota is not None and quota.max_bytes is not None:
        raise length_missing()
    allowed = await ask_to_create(engine, planned)
    return await create_or_abandon(engine, expect_presigned(allowed, engine.limits, engine.clock()))


async def begin(engine: Engine, intent: Begin) -> Upload:
    """Create a direct upload, start its multipart upload, so that it is ready for parts, and return it. Raises Refusal,
    Locked, Superseded, Unavailable; the upload is removed then."""
    upload = await announce(engine, replace(intent, typed=True))
    try:
        async with engine.hold(upload.id):
            return await _open(engine, upload)
    except Exception:
        await abandon(engine.refunding(), upload.id, Reason.FAILED_CREATION)
        raise


async def open_parts(engine: Engine, upload_id: UploadId, key: str, metadata: Mapping[str, bytes]) -> Upload:
    """Start the multipart upload of a direct upload that `announce` has recorded, so that it is ready for parts; add
    those keys of `metadata` that the upload lacks, but no other key for a type if it has one, and return the upload.
    Safe to repeat.

    Raises Refusal, Locked, Superseded, Unavailable.
    """
    async with _hold(engine, Continue(), upload_id, key) as upload:
        planned = plan_open(upload, metadata, limits=engine.limits)
        await engine.allow(Continue(), planned)
        return await _open(engine, planned)


async def _open(engine: Engine, upload: Upload) -> Upload:
    try:
        checkpoint = await access(engine).begin(upload)
        change = Change(_schedule_size_check(engine, copy_with(upload, cursor=checkpoint.cursor)))
        return await engine.records.save(mark_troubled(change, engine.clock(), troubled=checkpoint.troubled))
    except Unavailable:
        await engine.records.remember_trouble(upload.id)
        raise


async def sign_whole(engine: Engine, upload: Upload, *, form: bool) -> Signed:
    """Return a presigned request by which the client sends all bytes of a direct upload that `announce` has just
    recorded: a form if `form` is true and the provider supports forms, else a PUT. Raises Unavailable; the upload,
    which its client doesn't know yet, is removed then.
    """
    direct, lifetime = access(engine), signature_lifetime(upload, engine.limits, engine.clock())
    max_bytes = max_whole_length(engine.limits.within(upload.max_length), direct.part_limits)
    try:
        return await direct.sign_whole(upload, max_bytes=max_bytes, lifetime=lifetime, form=form)
    except Exception:
        await abandon(engine.refunding(), upload.id, Reason.FAILED_CREATION)
        raise


async def sign_part(engine: Engine, upload_id: UploadId, key: str, number: int, length: int | None) -> Signed:
    """Return a presigned PUT of part `number`; sends no request to the storage. `length` is the part's length in bytes
    if the client declares it. Raises Refusal, Unavailable; UploadLost if neither `begin` nor `open_parts` has started
    the multipart upload.
    """
    direct, upload = access(engine), await _load(engine, upload_id, key)
    check_not_paused(upload, engine.clock())
    bound = plan_part(upload, number, length, limits=engine.limits, parts=direct.part_limits)
    await engine.allow(Continue(), upload)
    await _touch(engine, upload)
    return await direct.sign_part(upload, number, bound, engine.limits.upload_url_lifetime)


async def _touch(engine: Engine, upload: Upload) -> None:
    if upload.times.updated_at < engine.clock() - TOUCH:
        with suppress(Locked, Superseded):  # the lock holder saves the upload, too
            async with engine.hold(upload.id, wait=0):
                await engine.records.save(Change(_schedule_size_check(engine, upload)))


def _schedule_size_check(engine: Engine, upload: Upload) -> Upload:
    return schedule_parts_check(upload, limits=engine.limits, now=engine.clock())


async def parts(engine: Engine, upload_id: UploadId, key: str) -> Sequence[DirectPart]:
    """Return the stored parts by number, each once, for a client that resumes. Raises Refusal, UploadLost,
    Unavailable."""
    upload = await _load(engine, upload_id, key)
    if upload.phase is not Phase.OPEN:
        raise AlreadyComplete
    await engine.allow(Continue(), upload)
    await _touch(engine, upload)
    return newest(await access(engine).stored_parts(upload))


async def complete(
    engine: Engine, upload_id: UploadId, key: str, read_parts: Callable[[], Awaitable[Sequence[DirectPart]]]
) -> Upload:
    """Complete the upload with the client's list of parts, and return it. Safe to repeat, for clients that got no
    answer. `read_parts` reads the list; it is called only if the policy allows the request.

    Raises TooLarge (the parts have more bytes than the upload may have), UploadLost, or the refusal of the content by a
    hook or a scan, which all end the upload; another Refusal, Locked, Superseded, Unavailable, and what `read_parts`
    raises (perhaps TooLarge for the list), which don't.
    """
    await engine.allow(Continue(), await _load(engine, upload_id, key))
    listed = await read_parts()
    async with _hold(engine, Continue(), upload_id, key) as upload:
        check_not_paused(upload, engine.clock())
        if upload.phase is Phase.OPEN:
            return await finish_for_client(engine, await _record_parts(engine, upload, listed))
        return await finish_for_client(engine, upload)


async def _record_parts(engine: Engine, upload: Upload, listed: Sequence[DirectPart]) -> Upload:
    try:
        async with confirming_loss(engine, lambda: upload):
            full, chosen = await _choose_parts(engine, upload, listed)
    except TooLarge:
        await _end_too_long(engine, upload)
        raise
    return await engine.records.grow(Change(full), access(engine).entries(chosen))


async def _choose_parts(
    engine: Engine, upload: Upload, listed: Sequence[DirectPart]
) -> tuple[Upload, Sequence[DirectPart]]:
    """Return the upload as finishing, with the length and offset that its bytes in the storage give it, and the stored
    parts that `listed` names; no parts if the object exists already: the record may be older than the object, as a
    restored state is. Nothing is recorded here.

    Raises Refusal, UploadLost, Unavailable.
    """
    direct = access(engine)
    try:
        stored = await direct.stored_parts(upload)
    except UploadLost:
        length = await direct.object_length(upload)
        if length is None:
            raise
        return fill(upload, length), ()
    chosen = choose(listed, stored)
    return plan_complete(upload, chosen, limits=engine.limits, parts=direct.part_limits), chosen


async def abort(engine: Engine, upload_id: UploadId, key: str) -> None:
    """End an open upload; if it is finishing, finish it instead. Raises AlreadyComplete if the upload is done, before
    or after that; another Refusal, Locked, UploadLost, Superseded, Unavailable."""
    async with _hold(engine, Terminate(), upload_id, key) as upload:
        await engine.allow(Terminate(), upload)
        if (await finish_upload(engine, upload)).done:
            raise AlreadyComplete
        engine.answer(await engine.questions.before_terminate(engine.caller, upload))
        await clear(engine, await engine.records.save(end(upload, Reason.CLIENT)))


async def check_size(engine: Engine, upload: Upload) -> None:
    """End an open upload if its client has stored too many bytes as parts for the announced length (`overfull`), else
    schedule a further check if a presigned URL may still be valid. The caller holds the lock. Raises Superseded,
    Unavailable."""
    direct, stored = access(engine), list[DirectPart]()
    with suppress(UploadLost):  # the client gets the error when it resumes
        stored += await direct.stored_parts(upload)
    if overfull(upload, stored, direct.part_limits):
        await _end_too_long(engine, upload)
    else:
        await engine.records.note(reschedule_parts_check(upload, limits=engine.limits, now=engine.clock()))


async def _end_too_long(engine: Engine, upload: Upload) -> None:
    engine.observer.trouble("bytes lost", upload_id=upload.id, reason=_TOO_LONG)
    await clear(engine, await engine.records.save(end(upload, Reason.REFUSED)))


async def check_awaited(engine: Engine, upload: Upload) -> Upload:
    """Return the upload, finished if it is finishing, or if `look_for` finds its object. The caller holds the lock.
    Raises what `look_for` and `finish_upload` raise."""
    return await finish_upload(engine, await look_for(engine, upload))


async def look_for(engine: Engine, upload: Upload) -> Upload:
    """Return the upload as it is or, if it is awaited (`Upload.awaited`) and its object exists, recorded as finishing
    with the object's length. An object of another length than the declared one, if there is one, counts as none. The
    caller holds the lock.

    Raises UploadLost if the object is larger than an upload may be (the upload has ended then, and its object is
    removed, now or by a sweep), Superseded, Unavailable.
    """
    if not upload.awaited:
        return upload
    direct = access(engine)
    length = await direct.object_length(upload)
    if length is None:
        return upload
    if length > max_whole_length(engine.limits.within(upload.max_length), direct.part_limits):
        await _end_too_long(engine, upload)
        raise UploadLost(_TOO_LONG)
    return await engine.records.save(Change(fill(upload, length)))


@asynccontextmanager
async def _hold(engine: Engine, intent: Continue | Terminate, upload_id: UploadId, key: str) -> AsyncIterator[Upload]:
    async with engine.hold_for(intent, upload_id) as (_, stored):
        yield _checked(engine, stored, key)


async def _load(engine: Engine, upload_id: UploadId, key: str) -> Upload:
    """Return the upload if it is a direct one in parts that hasn't ended or expired, the caller has the right to
    continue it, and `key` is its object's. Else raises Refusal. Also raises StateUnavailable."""
    stored = await engine.state.load(upload_id)
    engine.authorize(Continue(), stored)
    return _checked(engine, stored, key)


def _checked(engine: Engine, stored: Upload | None, key: str) -> Upload:
    """Return `stored` if it is a direct upload in parts that hasn't ended or expired, and `key` is its object's: with
    another key, the request is about another object. Raises UploadNotFound, UploadGone, UnsupportedExtension."""
    upload = plan_parts(stored, limits=engine.limits, now=engine.clock())
    if key != access(engine).key(upload):
        raise UploadNotFound
    return upload
