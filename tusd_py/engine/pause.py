"""The use cases of a client that watches an upload, and pauses or resumes it."""

from __future__ import annotations

from collections.abc import Callable

from tusd_py.domain import lifecycle
from tusd_py.domain.intents import Pause
from tusd_py.domain.lifecycle import Change
from tusd_py.domain.rules import plan_pause
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine


async def pause(engine: Engine, upload_id: UploadId) -> Upload:
    """Pause the upload, or renew its pause, and return it: for 5 minutes, or until `resume`, this server takes no bytes
    for it, and signs no parts of a direct one. A lock holder is asked to record its bytes and release the lock, if its
    bytes can be resumed.

    Raises Refusal (AlreadyComplete if the upload is finishing or done), Locked, Superseded, StateUnavailable.
    """
    stored = await engine.state.load(upload_id)
    engine.authorize(Pause(), stored)
    upload = plan_pause(stored, limits=engine.limits, now=engine.clock())
    return await _save(engine, upload, lambda upload: lifecycle.pause(upload, engine.clock()))


async def resume(engine: Engine, upload_id: UploadId) -> Upload:
    """End the pause of the upload, and return the upload. A lock holder is asked to record its bytes and release the
    lock, if its bytes can be resumed. If the upload isn't paused, return it unchanged, and ask no lock holder. Raises
    the same as `pause`.
    """
    upload = await engine.state.load(upload_id)
    engine.authorize(Pause(), upload)
    if upload is not None and upload.paused(engine.clock()):
        return await _save(engine, upload, lifecycle.unpause)
    return await _planned(engine, upload)


async def _save(engine: Engine, upload: Upload, change: Callable[[Upload], Change]) -> Upload:
    async with engine.hold(upload.id, wait=engine.patience(upload)):
        current = await _planned(engine, await engine.state.load(upload.id))
        changed = change(current)
        return current if changed.upload == current else await engine.records.save(changed)


async def _planned(engine: Engine, stored: Upload | None) -> Upload:
    upload = plan_pause(stored, limits=engine.limits, now=engine.clock())
    await engine.allow(Pause(), upload)
    return upload
