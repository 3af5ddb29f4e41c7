"""The use cases of HEAD and GET."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from tusd_py.domain.intents import Inspect, Read
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import NotReady, UploadLocked, UploadNotFound
from tusd_py.domain.rights import without_content
from tusd_py.domain.rules import plan_inspect
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.direct import access, check_awaited
from tusd_py.engine.engine import Engine


async def inspect(engine: Engine, upload_id: UploadId) -> Upload:
    """Return the upload at the offset for the next append. If the caller may append (`Rights.preempts`), first ask a
    lock holder to record its bytes and release the lock, unless the upload is unresumable; then finish the upload if it
    is finishing, or if it is awaited and its object exists. For a caller that doesn't own the upload, leave out its
    metadata and digest.

    Raises UploadLocked at once for a finishing upload about which a scan or a hook decides. Later raises UploadNotFound
    for a direct upload that isn't done, UploadLocked for another one that is finishing. Also raises another Refusal,
    Locked, UploadLost, Superseded, Unavailable.
    """
    upload = _decided(engine, await _visible(engine, upload_id, Inspect()))
    await engine.allow(Inspect(), upload)
    if not upload.done:
        preempts = engine.rights.preempts(engine.caller, upload)
        upload = await _settled(engine, upload) if preempts else upload
        _check_offset_known(upload)
    return upload if engine.rights.owns(engine.caller, upload) else without_content(upload)


async def _settled(engine: Engine, upload: Upload) -> Upload:
    async with engine.hold(upload.id, wait=engine.patience(upload)):
        current = _decided(engine, await _visible(engine, upload.id, Inspect()))
        return await check_awaited(engine, current)


def _check_offset_known(upload: Upload) -> None:
    """Raise UploadNotFound if the upload is direct and not done, as its offset is unknown; else raise UploadLocked if
    it is finishing, as its offset would look like that of a complete upload."""
    if upload.direct is not None and not upload.done:
        raise UploadNotFound
    if upload.phase is Phase.FINISHING:
        raise UploadLocked


async def finished(engine: Engine, upload_id: UploadId, intent: Read) -> Upload:
    """Return an upload that can be downloaded. Takes no lock, so that readers don't wait, unless the upload is awaited
    (`Upload.awaited`): it is finished then, if its object exists.

    Raises Refusal (NotReady if the upload isn't done), Unavailable; for an awaited upload also Locked, UploadLost,
    Superseded.
    """
    upload = await _visible(engine, upload_id, intent)
    await engine.allow(intent, upload)
    if upload.awaited:
        async with engine.hold(upload_id):
            upload = await check_awaited(engine, await _visible(engine, upload_id, intent))
    if not upload.done:
        raise NotReady
    return upload


def read(engine: Engine, upload: Upload, span: Span) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of `span` of a finished upload. Raises UploadLost if the object is missing or was replaced:
    before the first byte, unless that happens during the read; StorageUnavailable. The caller closes the generator,
    unless it is exhausted."""
    return engine.storage.read(upload, span)


async def link(engine: Engine, upload: Upload, shown_as: Mapping[str, str]) -> str:
    """Return a presigned URL to GET the upload's bytes; the response has the header fields `shown_as`. Raises
    UnsupportedExtension if clients can't reach the storage; StorageUnavailable."""
    return await access(engine).sign_read(upload, shown_as, engine.limits.download_url_lifetime)


def _decided(engine: Engine, upload: Upload) -> Upload:
    """Return the upload. Raises UploadLocked if it is finishing and a scan or a hook may still refuse it."""
    if upload.phase is Phase.FINISHING and engine.asks_before_finish:
        raise UploadLocked
    return upload


async def _visible(engine: Engine, upload_id: UploadId, intent: Inspect | Read) -> Upload:
    upload = await engine.state.load(upload_id)
    engine.authorize(intent, upload)
    return plan_inspect(upload, limits=engine.limits, now=engine.clock())
