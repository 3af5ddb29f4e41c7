"""Looking at uploads: HEAD and GET, in words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from tusd_py.engine.direct import access, look
from tusd_py.engine.finish import drive
from tusd_py.engine.ports import Ports
from tusd_py.model import Span, Upload, UploadId
from tusd_py.protocol.refusals import NotReady, UploadNotFound
from tusd_py.protocol.rules import plan_inspect


async def inspect(ports: Ports, upload_id: UploadId) -> Upload:
    """The upload at an offset that the next append may use: whoever is writing is asked to save and leave first.

    A full one is driven on, and only shown when it is done.
    Raises Refusal, Locked, UploadLost, Superseded, Unavailable.
    """
    upload = await _visible(ports, upload_id)
    if upload.done:
        return upload
    async with ports.hold(upload_id):
        driven = await look(ports, await drive(ports, await _visible(ports, upload_id)))
        if driven.direct is not None and not driven.done:
            raise UploadNotFound  # none with an offset that this server could know of
        return driven


async def finished(ports: Ports, upload_id: UploadId) -> Upload:
    """An upload that can be downloaded. Takes no turn, unless it must be looked for: readers don't wait.

    Raises Refusal, Unavailable; Locked, UploadLost, Superseded only then.
    """
    upload = await _visible(ports, upload_id)
    if upload.awaited:
        async with ports.hold(upload_id):
            upload = await look(ports, await _visible(ports, upload_id))
    if not upload.done:
        raise NotReady
    return upload


def read(ports: Ports, upload: Upload, span: Span) -> AsyncGenerator[bytes, None]:
    """The bytes of `span`. Raises, before the first, UploadLost or StorageUnavailable."""
    return ports.storage.read(upload, span)


async def link(ports: Ports, upload: Upload, shown_as: Mapping[str, str]) -> str:
    """Where its bytes can be had without us for a while, answered with these header fields."""
    return await access(ports).sign_read(upload, shown_as, ports.limits.download_url_lifetime)


async def _visible(ports: Ports, upload_id: UploadId) -> Upload:
    upload = await ports.state.load(upload_id)
    return plan_inspect(upload, limits=ports.limits, now=ports.clock())
