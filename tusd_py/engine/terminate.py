"""An upload's end: first nobody sees it any more, then what it left is removed, then its record."""

from __future__ import annotations

from tusd_py.engine.ports import Ports
from tusd_py.errors import Locked, Superseded, Unavailable
from tusd_py.events import Reason
from tusd_py.lifecycle import Change, end, forget
from tusd_py.model import Phase, Upload, UploadId
from tusd_py.protocol.rules import plan_terminate


async def terminate(ports: Ports, upload_id: UploadId, reason: Reason = Reason.CLIENT) -> None:
    """End the upload, at whatever point it is. Raises Refusal, Locked, Superseded, StateUnavailable.

    Once this is recorded it is final: what the storage won't let go of now, a sweep removes later.
    """
    async with ports.hold(upload_id):
        upload = await ports.state.load(upload_id)
        change = plan_terminate(upload, reason, limits=ports.limits, now=ports.clock())
        await clear(ports, await ports.records.save(change))


async def abandon(ports: Ports, upload_id: UploadId, reason: Reason) -> None:
    """End an upload that its client can't go on with, as far as that is possible now."""
    try:
        async with ports.hold(upload_id):
            upload = await ports.state.load(upload_id)
            if upload is not None and upload.phase is not Phase.GONE:
                await clear(ports, await ports.records.save(end(upload, reason)))
    except (Locked, Superseded, Unavailable) as error:
        ports.observer.trouble("left-behind", upload_id=upload_id, reason=str(error))


async def clear(ports: Ports, upload: Upload) -> bool:
    """Remove what a terminating upload left in the storage, then its record. What fails is tried again by a sweep.

    So is what may come about by itself: the record stays until then. False if the storage or the state didn't let go.
    """
    began = ports.clock()  # a listing may be long in coming, and shows what there was when it was made
    try:
        await (ports.storage.discard(upload) if upload.troubled_at is None else ports.storage.clean(upload))
        await _close(ports, upload, again=began < upload.settled_at)
    except (Superseded, Unavailable) as error:
        ports.observer.trouble("left-behind", upload_id=upload.id, reason=str(error))
        return False
    return True


async def _close(ports: Ports, upload: Upload, *, again: bool) -> None:
    if again:
        await ports.records.save(Change(upload))
    elif ports.limits.gone:
        await ports.records.save(Change(forget(upload)))
    else:
        await ports.records.delete(upload)
