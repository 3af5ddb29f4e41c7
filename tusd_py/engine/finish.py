"""The last step, from recorded bytes to the finished object. It is a recorded phase, so that any node can retry it."""

from __future__ import annotations

from dataclasses import replace

from tusd_py.domain.answers import Answer
from tusd_py.domain.checkpoint import Finished
from tusd_py.domain.copying import copy_with
from tusd_py.domain.errors import Superseded, Unavailable, UploadSpoiled
from tusd_py.domain.events import Reason
from tusd_py.domain.hook_refusals import HookFailed, HookRejected
from tusd_py.domain.lifecycle import await_answer, end, finish, mark_done, mark_troubled, note_trouble
from tusd_py.domain.phase import Phase
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.confirm_loss import confirming_loss, partials_of
from tusd_py.engine.engine import Engine
from tusd_py.engine.scanning import announce_scan, scan_to_finish
from tusd_py.engine.terminate import clear
from tusd_py.transfer.digests import Tally, digest_of


async def finish_upload(engine: Engine, upload: Upload, tally: Tally | None = None) -> Upload:
    """Finish the upload if it is finishing, as all its bytes are recorded, and return it; return any other unchanged.

    The caller holds the lock. `tally` has the upload's digest if all bytes passed in one request; else the digest, if
    one is wanted, is computed from the stored bytes.

    Raises UploadLost, HookRejected or ScanRejected, each after the upload has ended; HookFailed,
    ScannerUnavailable, Unavailable, Superseded.
    """
    if upload.phase is not Phase.FINISHING:
        return upload
    try:
        async with engine.records.cleaning_if_superseded(upload):
            done = await _make_and_record(engine, upload, tally)
    except Superseded:
        return await _finished_by_another(engine, upload.id)
    if not await engine.delete_superseded([upload.cursor], [done.cursor]):
        await engine.records.remember_trouble(done.id)
    return done


async def finish_for_client(engine: Engine, upload: Upload, tally: Tally | None = None) -> Upload:
    """Do the same as `finish_upload`, for a client's request. If the upload is done, merge the answer that a hook gave
    before the finish, if there is one, into the response: the client may repeat the request that completed the upload.
    Raises the same as `finish_upload`.
    """
    done = await finish_upload(engine, upload, tally)
    engine.answer(done.answer)
    return done


async def _make_and_record(engine: Engine, upload: Upload, tally: Tally | None) -> Upload:
    upload = await announce_scan(engine, upload)
    try:
        async with confirming_loss(engine, lambda: upload):
            finished = await _make(engine, upload)
            upload = note_trouble(upload, engine.clock(), troubled=finished.troubled)  # if it ends here, too
            done = await _with_digest(engine, mark_done(upload, finished), tally)
            done = await scan_to_finish(engine, upload, done)
            change = finish(done, await _ask(engine, upload, done))
            return await engine.records.save(mark_troubled(change, engine.clock(), troubled=finished.troubled))
    except Unavailable:
        await engine.records.remember_trouble(upload.id)
        raise


async def _ask(engine: Engine, upload: Upload, done: Upload) -> Answer:
    """Ask the hook that may refuse an upload before it is finished about `done`, the upload as it is to be recorded,
    and return its answer; NO_ANSWER if there is no such hook. `upload` is the present record. Raises HookRejected (the
    upload has ended then), HookFailed (it stays finishing, and the hook is asked again), Superseded,
    StateUnavailable."""
    try:
        return await engine.questions.before_finish(engine.caller, done)
    except HookRejected:
        await clear(engine, await engine.records.save(end(upload, Reason.REFUSED)))
        raise
    except HookFailed:
        await engine.records.note(await_answer(upload, engine.clock()))
        raise


async def _make(engine: Engine, upload: Upload) -> Finished:
    if upload.kind is Kind.FINAL and upload.etag is not None:  # made before; its partial uploads may be gone by now
        stored = (await engine.storage.survey(upload, ())).upload
        if stored.done and stored.etag is not None:
            return Finished(cursor=stored.cursor, etag=stored.etag)
    if upload.kind is Kind.FINAL:
        return await engine.storage.concatenate(upload, await partials_of(engine, upload))
    entries = await engine.state.entries(upload.id) if engine.storage.needs_entries(upload) else ()
    return await engine.storage.finish(upload, entries)


async def _with_digest(engine: Engine, upload: Upload, tally: Tally | None) -> Upload:
    """Return the upload with the digest of its bytes if a request asked for one, else unchanged. The digest comes from
    `tally` if all bytes passed in one request, else it is computed from the stored bytes. Raises UploadSpoiled if it
    isn't the announced digest; UploadLost, StorageUnavailable."""
    if upload.digest is None:
        return upload
    value = None if tally is None else tally.of(upload)
    if value is None:
        value = await digest_of(upload.digest.algorithm, engine.storage.read(upload, Span(0, upload.offset)))
    if upload.digest.value not in (None, value):
        raise UploadSpoiled("its bytes don't have the digest that was announced")
    return copy_with(upload, digest=replace(upload.digest, value=value))


async def _finished_by_another(engine: Engine, upload_id: UploadId) -> Upload:
    """Return the upload if the process that superseded this one has finished it. Raises Superseded if it hasn't;
    StateUnavailable."""
    upload = await engine.state.load(upload_id)
    if upload is None or not upload.done:
        raise Superseded(upload_id)
    return upload
