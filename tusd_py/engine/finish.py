"""The last step: from recorded bytes to the finished object. Stored as a phase, so that anyone can take it again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from tusd_py.engine.ports import Ports
from tusd_py.engine.terminate import outlived
from tusd_py.errors import InDoubt, Superseded, Unavailable, UploadLost, UploadSpoiled
from tusd_py.model import Finished, Kind, Phase, Span, Upload, UploadId, finish
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
    await ports.sweep([upload.cursor], done.cursor)
    return done


async def _finished(ports: Ports, upload: Upload, tally: Tally | None) -> Upload:
    latest = upload
    try:
        async with burying(ports, lambda: latest):
            latest = finish(upload, await _make(ports, upload))
            return await ports.save(await _proven(ports, latest, tally))
    except (Superseded, Unavailable) as error:
        if not upload.doubt and (latest.doubt or isinstance(error, InDoubt)):
            await ports.remember_doubt(upload.id)
        raise


@asynccontextmanager
async def burying(ports: Ports, recorded: Callable[[], Upload]) -> AsyncIterator[None]:
    """See to it that an upload whose bytes turn out to be lost is never shown again, least of all as complete.

    Raises UploadLost; or Superseded, if another has moved the upload on: what is missing may have moved with it.
    """
    try:
        yield
    except UploadLost as lost:
        upload = recorded()
        await ports.save(replace(upload, phase=Phase.TERMINATING))
        ports.observer.trouble("upload-lost", upload_id=upload.id, reason=str(lost))
        raise


async def _make(ports: Ports, upload: Upload) -> Finished:
    if upload.kind is not Kind.FINAL:
        return await ports.storage.finish(upload, await ports.state.entries(upload.id))
    sources = [await ports.state.load(partial) for partial in upload.partials]
    there = [source for source in sources if source is not None and source.done]
    if len(there) < len(sources):
        raise UploadLost("a partial upload is gone")
    return await ports.storage.concatenate(upload, there)


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
