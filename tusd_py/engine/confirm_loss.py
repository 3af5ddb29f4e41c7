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
    """If the context raises UploadLost, read record and storage again before the upload ends: the error may come from
    an outdated copy in memory, or from an answer that a proxy gave. UploadSpoiled needs no confirmation. `recorded`
    returns the upload as last recorded.

    Raises UploadLost if nothing is left to resume, and UploadSpoiled; the upload has ended then. Raises
    StorageUnavailable if the storage fails, has all that is recorded, or has less and the record was changed to that:
    the client has to repeat the request, or ask for the offset. Raises Superseded if another process has deleted the
    record, changed the upload's phase, or changed the record so that nothing is missing; StateUnavailable.
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
    """Return the survey of the upload: as done if its object exists, else as far as the storage has its recorded bytes.
    A final upload has no bytes before its object: then the storage is asked for its partial uploads. Raises UploadLost
    if nothing is left to resume: a done upload's object, recorded bytes or the multipart upload of a direct upload, or
    a partial upload of a final one is missing; Unavailable."""
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
    """Record the upload as the survey found it in the storage, and return it: as done, or only as finishing if its
    digest is still to be computed, or a hook or the scanner to be asked; else at the offset below which all its bytes
    are stored. Remove what only the earlier cursor names, such as segments. Raises Superseded, StateUnavailable.
    """
    asks = engine.asks_before_finish or upload.asks_before_finish
    change = lifecycle.follow(upload, survey.upload, engine.clock(), asks=asks)
    moved = await engine.records.rewind(change, survey.entries)
    await engine.delete_superseded([upload.cursor], [moved.cursor])
    return moved


async def _end(engine: Engine, ending: Change, lost: UploadLost) -> None:
    """Save `ending`, which ends the upload, and report the loss: clients never see the upload again, least of all as
    complete. Raises Superseded, StateUnavailable."""
    await engine.records.save(ending)
    engine.observer.trouble("bytes lost", upload_id=ending.upload.id, reason=str(lost))
