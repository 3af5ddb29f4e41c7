"""The last step: from recorded bytes to the finished object. Stored as a phase, so that anyone can take it again."""

from __future__ import annotations

from dataclasses import replace

from tusd_py.engine.loss import partials_of, settling_loss
from tusd_py.engine.ports import Ports
from tusd_py.errors import Superseded, Unavailable, UploadSpoiled
from tusd_py.lifecycle import finish, made, mark
from tusd_py.model import Finished, Kind, Phase, Span, Upload, UploadId
from tusd_py.pipeline.digests import Tally, digest_of


async def drive(ports: Ports, upload: Upload, tally: Tally | None = None) -> Upload:
    """The upload, finished if all its bytes are there. The caller holds it, and may have seen bytes go by.

    Raises UploadLost (it is then on its way out), Unavailable, Superseded.
    """
    if upload.phase is not Phase.FINISHING:
        return upload
    try:
        async with ports.records.outlived(upload):
            done = await _finished(ports, upload, tally)
    except Superseded:
        return await _done_by_another(ports, upload.id)
    if not await ports.sweep([upload.cursor], [done.cursor]):
        await ports.records.remember_trouble(done.id)
    return done


async def _finished(ports: Ports, upload: Upload, tally: Tally | None) -> Upload:
    try:
        async with settling_loss(ports, lambda: upload):
            finished = await _make(ports, upload)
            change = finish(await _proven(ports, made(upload, finished), tally))
            return await ports.records.save(mark(change, ports.clock()) if finished.troubled else change)
    except Unavailable:
        await ports.records.remember_trouble(upload.id)
        raise


async def _make(ports: Ports, upload: Upload) -> Finished:
    if upload.kind is not Kind.FINAL:
        return await ports.storage.finish(upload, await ports.state.entries(upload.id))
    return await ports.storage.concatenate(upload, await partials_of(ports, upload))


async def _proven(ports: Ports, upload: Upload, tally: Tally | None) -> Upload:
    """With the digest of its bytes, if anybody wants to know it. Raises UploadSpoiled if another was announced."""
    if upload.digest_algorithm is None:
        return upload
    digest = None if tally is None else tally.of(upload)
    if digest is None:
        digest = await digest_of(upload.digest_algorithm, ports.storage.read(upload, Span(0, upload.offset)))
    if upload.digest not in (None, digest):
        raise UploadSpoiled("its bytes don't have the digest that was announced")
    return replace(upload, digest=digest)


async def _done_by_another(ports: Ports, upload_id: UploadId) -> Upload:
    """Whoever superseded us may have finished it just the same."""
    upload = await ports.state.load(upload_id)
    if upload is None or not upload.done:
        raise Superseded(upload_id)
    return upload
