"""The use cases of HEAD and GET."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from tusd_py.domain.intents import Inspect, Read
from tusd_py.domain.refusals import NotReady, UploadNotFound
from tusd_py.domain.rules import plan_inspect
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.direct import access, check_awaited
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import finish_upload


async def inspect(engine: Engine, upload_id: UploadId) -> Upload:
    """Return the upload at the offset for the next append: a lock holder is asked to record its bytes and leave first.

    A full upload is finished first, so that it is returned only when it is done.
    Raises Refusal, Locked, UploadLost, Superseded, Unavailable.
    """
    upload = await _visible(engine, upload_id)
    await engine.allow(Inspect(), upload)
    if upload.done:
        return upload
    async with engine.hold(upload_id):
        upload = await check_awaited(engine, await finish_upload(engine, await _visible(engine, upload_id)))
        if upload.direct is not None and not upload.done:
            raise UploadNotFound  # this server doesn't know the offset of a direct upload
        return upload


async def finished(engine: Engine, upload_id: UploadId, intent: Read) -> Upload:
    """Return an upload that can be downloaded. Takes no lock, so that readers don't wait, unless it is awaited.

    Raises Refusal, Unavailable; if it is awaited also Locked, UploadLost, Superseded.
    """
    upload = await _visible(engine, upload_id)
    await engine.allow(intent, upload)
    if upload.awaited:
        async with engine.hold(upload_id):
            upload = await check_awaited(engine, await _visible(engine, upload_id))
    if not upload.done:
        raise NotReady
    return upload


def read(engine: Engine, upload: Upload, span: Span) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of `span`. Raises, before the first, UploadLost or StorageUnavailable."""
    return engine.storage.read(upload, span)


async def link(engine: Engine, upload: Upload, shown_as: Mapping[str, str]) -> str:
    """Return a presigned URL for the upload's bytes; its response has the header fields `shown_as`."""
    return await access(engine).sign_read(upload, shown_as, engine.limits.download_url_lifetime)


async def _visible(engine: Engine, upload_id: UploadId) -> Upload:
    upload = await engine.state.load(upload_id)
    return plan_inspect(upload, limits=engine.limits, now=engine.clock())
