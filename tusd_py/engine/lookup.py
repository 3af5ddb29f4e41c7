"""Looking at uploads: HEAD and GET, in words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from tusd_py.domain.intents import Inspect, Read
from tusd_py.domain.refusals import NotReady, UploadNotFound
from tusd_py.domain.rules import plan_inspect
from tusd_py.domain.upload import Span, Upload, UploadId
from tusd_py.engine.direct import access, look
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import drive


async def inspect(engine: Engine, upload_id: UploadId) -> Upload:
    """The upload at an offset that the next append may use: whoever is writing is asked to save and leave first.

    A full one is driven on, and only shown when it is done.
    Raises Refusal, Locked, UploadLost, Superseded, Unavailable.
    """
    upload = await _visible(engine, upload_id)
    await engine.allow(Inspect(), upload)
    if upload.done:
        return upload
    async with engine.hold(upload_id):
        driven = await look(engine, await drive(engine, await _visible(engine, upload_id)))
        if driven.direct is not None and not driven.done:
            raise UploadNotFound  # none with an offset that this server could know of
        return driven


async def finished(engine: Engine, upload_id: UploadId, intent: Read) -> Upload:
    """An upload that can be downloaded. Takes no turn, unless it must be looked for: readers don't wait.

    Raises Refusal, Unavailable; Locked, UploadLost, Superseded only then.
    """
    upload = await _visible(engine, upload_id)
    await engine.allow(intent, upload)
    if upload.awaited:
        async with engine.hold(upload_id):
            upload = await look(engine, await _visible(engine, upload_id))
    if not upload.done:
        raise NotReady
    return upload


def read(engine: Engine, upload: Upload, span: Span) -> AsyncGenerator[bytes, None]:
    """The bytes of `span`. Raises, before the first, UploadLost or StorageUnavailable."""
    return engine.storage.read(upload, span)


async def link(engine: Engine, upload: Upload, shown_as: Mapping[str, str]) -> str:
    """Where its bytes can be had without us for a while, answered with these header fields."""
    return await access(engine).sign_read(upload, shown_as, engine.limits.download_url_lifetime)


async def _visible(engine: Engine, upload_id: UploadId) -> Upload:
    upload = await engine.state.load(upload_id)
    return plan_inspect(upload, limits=engine.limits, now=engine.clock())
