"""What can be done about an upload whose record and bytes disagree. Each step takes its turn at the upload first.

Each returns what became of it, as a participle. Raises Locked, Superseded, Unavailable.
"""

from __future__ import annotations

from contextlib import suppress

from tusd_py.domain import lifecycle
from tusd_py.domain.errors import StorageUnavailable, Superseded, UploadLost
from tusd_py.domain.events import Reason
from tusd_py.domain.lifecycle import begin
from tusd_py.domain.rules import touch
from tusd_py.domain.upload import Upload
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import drive
from tusd_py.engine.garbage import removed
from tusd_py.engine.loss import follow
from tusd_py.engine.terminate import clear
from tusd_py.ports.storage import Leftover, Recovered, Survey


async def rebuild(engine: Engine, recovered: Recovered) -> str:
    """Remember it again, and make its object if all of it is there."""
    async with engine.hold(recovered.upload.id, wait=0):
        try:
            planned = touch(recovered.upload, engine.clock(), engine.limits)
            upload = await engine.records.create(begin(planned), recovered.entries)
        except ValueError as error:
            raise Superseded(recovered.upload.id) from error
        await _driven(engine, upload)
        return "rebuilt"


async def end(engine: Engine, upload: Upload) -> str:
    """Show it no more, and remove what is left of it."""
    async with engine.hold(upload.id, wait=0):
        await _clear(engine, await engine.records.save(lifecycle.end(upload, Reason.LOST)))
        return "ended"


async def finish(engine: Engine, upload: Upload) -> str:
    """Make its object, or end it if that can't be."""
    async with engine.hold(upload.id, wait=0):
        return "finished" if await _driven(engine, upload) else "ended, as bytes of it are gone"


async def catch_up(engine: Engine, upload: Upload, survey: Survey) -> str:
    """Record the object that was found, unless its bytes aren't those that were announced."""
    async with engine.hold(upload.id, wait=0):
        if not await _driven(engine, await follow(engine, upload, survey)):
            return "ended, as its bytes are not those that were announced"
        return "finished"


async def take_back(engine: Engine, upload: Upload, survey: Survey) -> str:
    """Let its clients go on from the bytes that are there."""
    async with engine.hold(upload.id, wait=0):
        moved = await follow(engine, upload, survey)
        return f"taken back from offset {upload.offset} to {moved.offset}"


async def remove(engine: Engine, upload: Upload) -> str:
    """Remove what is left of one that has ended."""
    async with engine.hold(upload.id, wait=0):
        await _clear(engine, upload)
        return "removed"


async def tidy_up(engine: Engine, leftover: Leftover) -> str:
    """Remove what no upload needs."""
    if not await removed(engine, leftover, dry_run=False):
        raise Superseded(leftover.upload_id)
    return "removed"


async def _driven(engine: Engine, upload: Upload) -> bool:
    """False if it turned out to be lost; it is ended then."""
    with suppress(UploadLost):
        await drive(engine, upload)
        return True
    if (lost := await engine.state.load(upload.id)) is not None:
        await _clear(engine, lost)
    return False


async def _clear(engine: Engine, upload: Upload) -> None:
    if not await clear(engine, upload):
        raise StorageUnavailable("the storage won't let go of it now")
