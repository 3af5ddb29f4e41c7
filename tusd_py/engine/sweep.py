"""What nobody comes back for: expired uploads are removed, unfinished steps are taken again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from tusd_py.engine.direct import count, look
from tusd_py.engine.finish import drive
from tusd_py.engine.ports import Ports
from tusd_py.engine.terminate import clear
from tusd_py.errors import Locked, StateUnavailable, Superseded, Unavailable, UploadLost
from tusd_py.model import Phase, Upload, UploadId


async def sweep(ports: Ports) -> int:
    """See to all uploads that are due; returns how many expired ones were removed. Raises StateUnavailable."""
    await _catch_up(ports)
    expired = 0
    seen: set[UploadId] = set()
    step = ports.thresholds.due
    while new := [due for due in await ports.state.due(ports.clock(), len(seen) + step) if due not in seen]:
        seen.update(new)
        for upload_id in new:
            expired += await _try(ports, upload_id)
    return expired


async def _catch_up(ports: Ports) -> None:
    """Record the troubles that the state or a dead lock holder left unrecorded: to hold an upload is to do so."""
    for upload_id in {*ports.unrecorded, *await ports.locker.abandoned()}:
        with suppress(Locked):
            async with ports.hold(upload_id, wait=0):
                pass


async def _try(ports: Ports, upload_id: UploadId) -> bool:
    """One whose changes the state won't take keeps nobody else's from it."""
    try:
        return await _see_to(ports, upload_id)
    except StateUnavailable as error:
        await ports.state.ping()  # raises where nothing gets through
        ports.observer.trouble("left-behind", upload_id=upload_id, reason=str(error))
        return False


async def _see_to(ports: Ports, upload_id: UploadId) -> bool:
    """True if it was removed because its time was up. One that is being written to is left alone."""
    with suppress(Locked, Superseded, UploadLost):
        async with ports.hold(upload_id, wait=0):
            upload = await ports.state.load(upload_id)
            if upload is not None and upload.due_at is not None and upload.due_at <= ports.clock():
                return await _settle(ports, upload)
    return False


async def _settle(ports: Ports, upload: Upload) -> bool:
    match upload.phase:
        case Phase.FINISHING:
            await _drive_on(ports, upload)
        case Phase.TERMINATING:
            await clear(ports, await ports.save(upload))  # saved, so that one that can't be removed queues up again
        case Phase.GONE:
            await ports.state.delete(upload)
        case Phase.DONE if not upload.expired(ports.clock()):
            await _look_through(ports, upload)
        case Phase.OPEN if upload.count_at is not None and not upload.expired(ports.clock()):
            await _count(ports, upload)
        case Phase.OPEN if not await _came_to_nothing(ports, upload):
            return False
        case Phase.OPEN | Phase.DONE:
            ending = await ports.save(replace(upload, phase=Phase.TERMINATING))
            ports.observer.upload_expired(ending)
            await clear(ports, ending)
            return True
    return False


async def _came_to_nothing(ports: Ports, upload: Upload) -> bool:
    """Its time is up, and what was awaited isn't there either."""
    try:
        upload = await look(ports, upload)
    except Unavailable as error:
        ports.observer.trouble("look-failed", upload_id=upload.id, reason=str(error))
        return False
    if upload.awaited and not upload.expired(ports.clock()):
        await ports.save(upload)  # so that its next turn comes later
    return upload.phase is Phase.OPEN and upload.expired(ports.clock())


async def _count(ports: Ports, upload: Upload) -> None:
    try:
        await count(ports, upload)
    except Unavailable as error:
        ports.observer.trouble("look-failed", upload_id=upload.id, reason=str(error))


async def _drive_on(ports: Ports, upload: Upload) -> None:
    """Where that fails it is recorded, and so queues up again."""
    try:
        await drive(ports, upload)
    except Unavailable as error:
        ports.observer.trouble("finish-failed", upload_id=upload.id, reason=str(error))


async def _look_through(ports: Ports, upload: Upload) -> None:
    """Remove what the troubles of a finished upload left."""
    troubled_at = None
    try:
        await ports.storage.clean(upload)
    except Unavailable as error:
        ports.observer.trouble("left-behind", upload_id=upload.id, reason=str(error))
        troubled_at = ports.clock()
    await ports.note(upload, troubled_at=troubled_at)
