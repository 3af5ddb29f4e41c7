"""The steps that mend an upload whose record and bytes disagree, or remove a leftover.

Each step locks the upload, and returns the upload's new state as a participle. Steps raise Locked, Superseded,
Unavailable; NameTaken if the upload is to be rebuilt; HookFailed if it is to be finished and a hook is to be asked
first, which only servers do: one of them finishes the upload later.
"""

from __future__ import annotations

from contextlib import suppress

from tusd_py.domain import lifecycle
from tusd_py.domain.errors import StorageUnavailable, Superseded, Unavailable, UploadLost, UploadSpoiled
from tusd_py.domain.events import Reason
from tusd_py.domain.hook_refusals import HookFailed
from tusd_py.domain.lifecycle import begin
from tusd_py.domain.rules import touch
from tusd_py.domain.scan_refusals import ScannerUnavailable, ScanRejected
from tusd_py.domain.upload import Upload
from tusd_py.engine.confirm_loss import follow
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import finish_upload
from tusd_py.engine.garbage_collection import remove_unneeded
from tusd_py.engine.terminate import clear
from tusd_py.ports.inspection import Leftover, Recovered
from tusd_py.ports.storage import Survey


async def rebuild(engine: Engine, recovered: Recovered) -> str:
    """Record the upload again. If `recovered` has it as finishing, with all its bytes, finish it, unless a hook is to
    be asked. Return `rebuilt`; if the upload had to be ended, as its bytes are lost, wrong or refused by a scan,
    `rebuilt, and ended, as …`.

    Raises Locked, Superseded (also if the upload has a record again), NameTaken, Unavailable.
    """
    async with engine.hold(recovered.upload.id, wait=0):
        try:
            planned = touch(recovered.upload, engine.clock(), engine.limits)
            upload = await engine.records.rebuild(begin(planned), recovered.entries)
        except ValueError as error:
            raise Superseded(recovered.upload.id) from error
        with suppress(HookFailed):
            if ended := await _finish_or_clear(engine, upload):
                return f"rebuilt, and {ended}"
        return "rebuilt"


async def end(engine: Engine, upload: Upload) -> str:
    """End the upload, and remove what is left of it. Return `ended`. Raises Locked, Superseded, Unavailable (also if
    not all is removed: the upload has ended then)."""
    async with engine.hold(upload.id, wait=0):
        await _clear(engine, await engine.records.save(lifecycle.end(upload, Reason.LOST)))
        return "ended"


async def finish(engine: Engine, upload: Upload) -> str:
    """Finish the upload, or end it if its bytes are lost, don't have the announced digest, or are refused by a scan.
    Return `finished`, or `ended, as …` with the reason. Raises Locked, Superseded, HookFailed, Unavailable."""
    async with engine.hold(upload.id, wait=0):
        return await _finish_or_clear(engine, upload) or "finished"


async def catch_up(engine: Engine, upload: Upload, survey: Survey) -> str:
    """Record that the upload's object exists, as `survey` found it, and finish the upload, or end it if the object is
    lost, doesn't have the announced digest or is refused by a scan. Return `finished`, or `ended, as …` with the
    reason. Raises Locked, Superseded, HookFailed, Unavailable."""
    async with engine.hold(upload.id, wait=0):
        return await _finish_or_clear(engine, await follow(engine, upload, survey)) or "finished"


async def take_back(engine: Engine, upload: Upload, survey: Survey) -> str:
    """Move the upload's offset back to the end of the bytes that `survey` found, from where clients can resume. Return
    `taken back`, with both offsets. Raises Locked, Superseded, Unavailable."""
    async with engine.hold(upload.id, wait=0):
        moved = await follow(engine, upload, survey)
        return f"taken back from offset {upload.offset} to {moved.offset}"


async def remove(engine: Engine, upload: Upload) -> str:
    """Remove what is left of an ended upload. Return `removed`. Raises Locked, Unavailable (also if not all is
    removed)."""
    async with engine.hold(upload.id, wait=0):
        await _clear(engine, upload)
        return "removed"


async def remove_leftover(engine: Engine, leftover: Leftover) -> str:
    """Remove a leftover that no upload needs. Return `removed`. Raises Superseded if an upload needs it by now,
    or its upload is in use; Unavailable.
    """
    if not await remove_unneeded(engine, leftover, dry_run=False):
        raise Superseded(leftover.upload_id)
    return "removed"


async def _finish_or_clear(engine: Engine, upload: Upload) -> str:
    """Finish the upload if it is finishing, and return an empty text. If its bytes are lost or don't have the announced
    digest, or a scan refuses them, the upload ends instead: remove it, and return a phrase with the reason, such as
    `ended, as bytes of it are gone`. Raises HookFailed, Superseded, Unavailable."""
    try:
        await finish_upload(engine, upload)
    except ScannerUnavailable as error:
        raise Unavailable(str(error)) from error
    except UploadSpoiled:
        ended = "ended, as its bytes are not those that were announced"
    except UploadLost:
        ended = "ended, as bytes of it are gone"
    except ScanRejected:
        ended = "ended, as a scan refused its bytes"
    else:
        return ""
    if (lost := await engine.state.load(upload.id)) is not None:
        await _clear(engine, lost)
    return ended


async def _clear(engine: Engine, upload: Upload) -> None:
    if not await clear(engine, upload):
        raise StorageUnavailable("the storage can't remove it now: try again later")
