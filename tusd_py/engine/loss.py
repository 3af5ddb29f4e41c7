"""Bytes that seem to be lost: the record is read anew and the storage is asked before anything is given up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tusd_py.domain import lifecycle
from tusd_py.domain.errors import StorageUnavailable, Superseded, UploadLost, UploadSpoiled
from tusd_py.domain.events import Reason
from tusd_py.domain.lifecycle import Change, end, mark
from tusd_py.domain.upload import Kind, Upload
from tusd_py.engine.engine import Engine
from tusd_py.ports.storage import Survey


@asynccontextmanager
async def settling_loss(engine: Engine, recorded: Callable[[], Upload]) -> AsyncIterator[None]:
    """Let no upload end because of a copy in memory or an answer that isn't the storage's.

    Raises UploadLost where nothing is left to go on with: the upload has ended then. StorageUnavailable where it goes
    on, as it was or from an earlier offset: the client asks for that. Superseded if another has moved the upload on:
    what is missing may have moved with it.
    """
    try:
        yield
    except UploadSpoiled as spoiled:
        await _end(engine, end(recorded(), Reason.REFUSED), spoiled)
        raise
    except UploadLost as lost:
        await _settle(engine, recorded(), lost)


async def _settle(engine: Engine, seen: Upload, lost: UploadLost) -> None:
    upload = await engine.state.load(seen.id)
    if upload is None or upload.revision != seen.revision:
        raise Superseded(seen.id) from lost
    try:
        survey = await _survey(engine, upload)
    except UploadLost as certain:
        await _end(engine, mark(end(upload, Reason.LOST), engine.clock()), certain)
        raise
    if survey.upload == upload:
        engine.observer.trouble("loss-not-confirmed", upload_id=upload.id, reason=str(lost))
        raise StorageUnavailable("what the record names is there after all: go on as before") from lost
    await follow(engine, upload, survey)
    raise StorageUnavailable("the upload goes on from what is there: ask for its offset") from lost


async def _survey(engine: Engine, upload: Upload) -> Survey:
    """A final upload has no bytes of its own before its object is there, so its partials are looked at."""
    survey = await engine.storage.survey(upload, await engine.state.entries(upload.id))
    if upload.kind is Kind.FINAL and not survey.upload.done:
        for source in await partials_of(engine, upload):
            await engine.storage.survey(source, ())
    return survey


async def partials_of(engine: Engine, final: Upload) -> list[Upload]:
    """The finished uploads that a final one is made of, in order. Raises UploadLost if one isn't here any more."""
    sources = [await engine.state.load(partial) for partial in final.partials]
    there = [source for source in sources if source is not None and source.done]
    if len(there) < len(sources):
        raise UploadLost("a partial upload is gone")
    return there


async def follow(engine: Engine, upload: Upload, survey: Survey) -> Upload:
    """Record the upload as the storage has it: done, unless its bytes are still to be proven; or back at an offset."""
    moved = await engine.records.rewind(lifecycle.follow(upload, survey.upload, engine.clock()), survey.entries)
    await engine.sweep([upload.cursor], [moved.cursor])
    return moved


async def _end(engine: Engine, ending: Change, lost: UploadLost) -> None:
    """See to it that it is never shown again, least of all as complete."""
    await engine.records.save(ending)
    engine.observer.trouble("upload-lost", upload_id=ending.upload.id, reason=str(lost))
