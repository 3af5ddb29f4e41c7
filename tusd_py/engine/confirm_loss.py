"""The handling of bytes that seem to be lost: record and storage are read again before an upload ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tusd_py.domain import lifecycle
from tusd_py.domain.errors import StorageUnavailable, Superseded, UploadLost, UploadSpoiled
from tusd_py.domain.events import Reason
from tusd_py.domain.lifecycle import Change, end, mark_troubled
from tusd_py.domain.upload import Kind, Upload
from tusd_py.engine.engine import Engine
from tusd_py.ports.storage import Survey


@asynccontextmanager
async def confirming_loss(engine: Engine, recorded: Callable[[], Upload]) -> AsyncIterator[None]:
    """If the context raises UploadLost, confirm that before the upload ends: a copy in memory, or an answer that isn't
    the storage's, may be wrong. UploadSpoiled needs no confirmation. `recorded` returns the upload as last recorded.

    Raises UploadLost if nothing is left to resume, UploadSpoiled: the upload has ended then. StorageUnavailable if the
    record matches the storage, or has just been made to: the client has to repeat the request, or ask for the offset.
    Superseded if another process has moved the missing bytes, finished the upload or ended it. StateUnavailable.
    """
    try:
        yield
    except UploadSpoiled as spoiled:
        await _end(engine, end(recorded(), Reason.REFUSED), spoiled)
        raise
    except UploadLost as lost:
        await _confirm(engine, recorded(), lost)


async def _confirm(engine: Engine, recorded: Upload, lost: UploadLost) -> None:
    upload = await engine.state.load(recorded.id)
    if upload is None or upload.phase is not recorded.phase:
        raise Superseded(recorded.id) from lost
    try:
        survey = await _survey(engine, upload)
    except UploadLost as certain:
        await _end(engine, mark_troubled(end(upload, Reason.LOST), engine.clock()), certain)
        raise
    if survey.upload == upload:
        # A newer record alone is no reason: the loss may have cut short a save of this process that was carried out.
        if upload.revision != recorded.revision:
            raise Superseded(recorded.id) from lost
        engine.observer.trouble("loss not confirmed", upload_id=upload.id, reason=str(lost))
        raise StorageUnavailable("the recorded bytes are stored after all: repeat the request") from lost
    await follow(engine, upload, survey)
    raise StorageUnavailable("the record now matches what is stored: ask for the offset") from lost


async def _survey(engine: Engine, upload: Upload) -> Survey:
    """Return the survey of the upload: the upload as far as the storage still has its recorded bytes. For a final
    upload without its object, which has no bytes yet, the storage is also asked for its partial uploads. Raises
    UploadLost if nothing is left to resume: a finished object, a partial or a direct upload is missing; Unavailable."""
    survey = await engine.storage.survey(upload, await engine.state.entries(upload.id))
    if upload.kind is Kind.FINAL and not survey.upload.done:
        for source in await partials_of(engine, upload):
            await engine.storage.survey(source, ())
    return survey


async def partials_of(engine: Engine, final: Upload) -> list[Upload]:
    """Return the finished partial uploads of a final one, in order. Raises UploadLost if one is missing or not
    finished; StateUnavailable."""
    sources = [await engine.state.load(partial) for partial in final.partials]
    finished = [source for source in sources if source is not None and source.done]
    if len(finished) < len(sources):
        raise UploadLost("a partial upload is gone")
    return finished


async def follow(engine: Engine, upload: Upload, survey: Survey) -> Upload:
    """Record the upload as the survey found it in the storage, and return the upload: done, back at an earlier
    offset, or finishing if its digest is still to be computed or a hook or the scanner to be asked. Remove the
    objects that only the earlier cursor names. Raises Superseded, StateUnavailable.
    """
    asks = engine.asks_before_finish or upload.asks_before_finish
    change = lifecycle.follow(upload, survey.upload, engine.clock(), asks=asks)
    moved = await engine.records.rewind(change, survey.entries)
    await engine.delete_superseded([upload.cursor], [moved.cursor])
    return moved


async def _end(engine: Engine, ending: Change, lost: UploadLost) -> None:
    """Record the end of the upload and report the loss: clients never see the upload again, least of all as
    complete."""
    await engine.records.save(ending)
    engine.observer.trouble("bytes lost", upload_id=ending.upload.id, reason=str(lost))
