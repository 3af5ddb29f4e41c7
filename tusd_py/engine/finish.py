"""The last step: from recorded bytes to the finished object. Stored as a phase, so that anyone can take it again."""

from __future__ import annotations

from dataclasses import replace

from tusd_py.engine.loss import partials_of, settling_loss
from tusd_py.engine.ports import Ports
from tusd_py.engine.terminate import outlived
from tusd_py.errors import Superseded, Unavailable, UploadSpoiled
from tusd_py.lifecycle import finish, marked
from tusd_py.model import Finished, Kind, Phase, Span, Upload, UploadId
from tusd_py.pipeline.digests import Tally, digest_of


async def drive(ports: Ports, upload: Upload, tally: Tally | None = None) -> Upload:
    """The upload, finished if all its bytes are there. The caller holds it, and may have seen bytes go by.

    Raises UploadLost (it is then on its way out), Unavailable, Superseded.
    """
    if upload.phase is not Phase.FINISHING:
        return upload
    try:
        async with outlived(ports, upload):
            done = await _finished(ports, upload, tally)
    except Superseded:
        return await _done_by_another(ports, upload.id)
    ports.observer.upload_finished(done)
    if not await ports.sweep([upload.cursor], [done.cursor]):
        await ports.remember_trouble(done.id)
    return done


async def _finished(ports: Ports, upload: Upload, tally: Tally | None) -> Upload:
    done = upload
    try:
        async with settling_loss(ports, lambda: upload):
            made = await _make(ports, upload)
            done = marked(finish(upload, made), ports.clock(), troubled=made.troubled)
            return await ports.save(await _proven(ports, done, tally))
    except (Superseded, Unavailable) as error:
        if isinstance(error, Unavailable) or done.troubled_at != upload.troubled_at:
            await ports.remember_trouble(upload.id)
        raise


async def _make(ports: Ports, upload: Upload) -> Finished:
    if upload.kind is not Kind.FINAL:
        return await ports.storage.finish(upload, await ports.state.entries(upload.id))
    return await ports.storage.concatenate(upload, await partials_of(ports, upload))


async def _proven(ports: Ports, made: Upload, tally: Tally | None) -> Upload:
    """With the digest of its bytes, if anybody wants to know it. Raises UploadSpoiled if another was announced."""
    if made.digest_algorithm is None:
        return made
    digest = None if tally is None else tally.of(made)
    if digest is None:
        digest = await digest_of(made.digest_algorithm, ports.storage.read(made, Span(0, made.offset)))
    if made.digest not in (None, digest):
        raise UploadSpoiled("its bytes don't have the digest that was announced")
    return replace(made, digest=digest)


async def _done_by_another(ports: Ports, upload_id: UploadId) -> Upload:
    """Whoever superseded us may have finished it just the same."""
    upload = await ports.state.load(upload_id)
    if upload is None or not upload.done:
        raise Superseded(upload_id)
    return upload
