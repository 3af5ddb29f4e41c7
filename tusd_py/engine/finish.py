"""The last step: from recorded bytes to the finished object. Stored as a phase, so that anyone can take it again."""

from __future__ import annotations

from dataclasses import replace

from tusd_py.domain.errors import Superseded, Unavailable, UploadSpoiled
from tusd_py.domain.lifecycle import finish, made, mark
from tusd_py.domain.upload import Finished, Kind, Phase, Span, Upload, UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.loss import partials_of, settling_loss
from tusd_py.transfer.digests import Tally, digest_of


async def drive(engine: Engine, upload: Upload, tally: Tally | None = None) -> Upload:
    """The upload, finished if all its bytes are there. The caller holds it, and may have seen bytes go by.

    Raises UploadLost (it is then on its way out), Unavailable, Superseded.
    """
    if upload.phase is not Phase.FINISHING:
        return upload
    try:
        async with engine.records.outlived(upload):
            done = await _finished(engine, upload, tally)
    except Superseded:
        return await _done_by_another(engine, upload.id)
    if not await engine.sweep([upload.cursor], [done.cursor]):
        await engine.records.remember_trouble(done.id)
    return done


async def _finished(engine: Engine, upload: Upload, tally: Tally | None) -> Upload:
    try:
        async with settling_loss(engine, lambda: upload):
            finished = await _make(engine, upload)
            change = finish(await _proven(engine, made(upload, finished), tally))
            return await engine.records.save(mark(change, engine.clock()) if finished.troubled else change)
    except Unavailable:
        await engine.records.remember_trouble(upload.id)
        raise


async def _make(engine: Engine, upload: Upload) -> Finished:
    if upload.kind is not Kind.FINAL:
        return await engine.storage.finish(upload, await engine.state.entries(upload.id))
    return await engine.storage.concatenate(upload, await partials_of(engine, upload))


async def _proven(engine: Engine, upload: Upload, tally: Tally | None) -> Upload:
    """With the digest of its bytes, if anybody wants to know it. Raises UploadSpoiled if another was announced."""
    if upload.digest_algorithm is None:
        return upload
    digest = None if tally is None else tally.of(upload)
    if digest is None:
        digest = await digest_of(upload.digest_algorithm, engine.storage.read(upload, Span(0, upload.offset)))
    if upload.digest not in (None, digest):
        raise UploadSpoiled("its bytes don't have the digest that was announced")
    return replace(upload, digest=digest)


async def _done_by_another(engine: Engine, upload_id: UploadId) -> Upload:
    """Whoever superseded us may have finished it just the same."""
    upload = await engine.state.load(upload_id)
    if upload is None or not upload.done:
        raise Superseded(upload_id)
    return upload
