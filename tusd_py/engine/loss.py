"""Bytes that seem to be lost: the record is read anew and the storage is asked before anything is given up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tusd_py import lifecycle
from tusd_py.engine.ports import Ports
from tusd_py.errors import StorageUnavailable, Superseded, UploadLost, UploadSpoiled
from tusd_py.events import Reason
from tusd_py.lifecycle import Change, end, mark
from tusd_py.model import Kind, Upload
from tusd_py.storage.base import Survey


@asynccontextmanager
async def settling_loss(ports: Ports, recorded: Callable[[], Upload]) -> AsyncIterator[None]:
    """Let no upload end because of a copy in memory or an answer that isn't the storage's.

    Raises UploadLost where nothing is left to go on with: the upload has ended then. StorageUnavailable where it goes
    on, as it was or from an earlier offset: the client asks for that. Superseded if another has moved the upload on:
    what is missing may have moved with it.
    """
    try:
        yield
    except UploadSpoiled as spoiled:
        await _end(ports, end(recorded(), Reason.REFUSED), spoiled)
        raise
    except UploadLost as lost:
        await _settle(ports, recorded(), lost)


async def _settle(ports: Ports, seen: Upload, lost: UploadLost) -> None:
    upload = await ports.state.load(seen.id)
    if upload is None or upload.revision != seen.revision:
        raise Superseded(seen.id) from lost
    try:
        survey = await _survey(ports, upload)
    except UploadLost as certain:
        await _end(ports, mark(end(upload, Reason.LOST), ports.clock()), certain)
        raise
    if survey.upload == upload:
        ports.observer.trouble("loss-not-confirmed", upload_id=upload.id, reason=str(lost))
        raise StorageUnavailable("what the record names is there after all: go on as before") from lost
    await follow(ports, upload, survey)
    raise StorageUnavailable("the upload goes on from what is there: ask for its offset") from lost


async def _survey(ports: Ports, upload: Upload) -> Survey:
    """A final upload has no bytes of its own before its object is there, so its partials are looked at."""
    survey = await ports.storage.survey(upload, await ports.state.entries(upload.id))
    if upload.kind is Kind.FINAL and not survey.upload.done:
        for source in await partials_of(ports, upload):
            await ports.storage.survey(source, ())
    return survey


async def partials_of(ports: Ports, final: Upload) -> list[Upload]:
    """The finished uploads that a final one is made of, in order. Raises UploadLost if one isn't here any more."""
    sources = [await ports.state.load(partial) for partial in final.partials]
    there = [source for source in sources if source is not None and source.done]
    if len(there) < len(sources):
        raise UploadLost("a partial upload is gone")
    return there


async def follow(ports: Ports, upload: Upload, survey: Survey) -> Upload:
    """Record the upload as the storage has it: done, unless its bytes are still to be proven; or back at an offset."""
    moved = await ports.records.rewind(lifecycle.follow(upload, survey.upload, ports.clock()), survey.entries)
    await ports.sweep([upload.cursor], [moved.cursor])
    return moved


async def _end(ports: Ports, ending: Change, lost: UploadLost) -> None:
    """See to it that it is never shown again, least of all as complete."""
    await ports.records.save(ending)
    ports.observer.trouble("upload-lost", upload_id=ending.upload.id, reason=str(lost))
