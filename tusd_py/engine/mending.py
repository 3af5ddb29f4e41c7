"""What can be done about an upload whose record and bytes disagree. Each step takes its turn at the upload first.

Each returns what became of it, as a participle. Raises Locked, Superseded, Unavailable.
"""

from __future__ import annotations

from contextlib import suppress

from tusd_py import lifecycle
from tusd_py.engine.finish import drive
from tusd_py.engine.loss import follow
from tusd_py.engine.ports import Ports
from tusd_py.engine.terminate import clear
from tusd_py.engine.tidy import removed
from tusd_py.errors import StorageUnavailable, Superseded, UploadLost
from tusd_py.events import Reason
from tusd_py.lifecycle import begin
from tusd_py.model import Upload
from tusd_py.protocol.rules import touch
from tusd_py.storage.base import Leftover, Recovered, Survey


async def rebuild(ports: Ports, recovered: Recovered) -> str:
    """Remember it again, and make its object if all of it is there."""
    async with ports.hold(recovered.upload.id, wait=0):
        try:
            planned = touch(recovered.upload, ports.clock(), ports.limits)
            upload = await ports.records.create(begin(planned), recovered.entries)
        except ValueError as error:
            raise Superseded(recovered.upload.id) from error
        await _driven(ports, upload)
        return "rebuilt"


async def end(ports: Ports, upload: Upload) -> str:
    """Show it no more, and remove what is left of it."""
    async with ports.hold(upload.id, wait=0):
        await _clear(ports, await ports.records.save(lifecycle.end(upload, Reason.LOST)))
        return "ended"


async def finish(ports: Ports, upload: Upload) -> str:
    """Make its object, or end it if that can't be."""
    async with ports.hold(upload.id, wait=0):
        return "finished" if await _driven(ports, upload) else "ended, as bytes of it are gone"


async def catch_up(ports: Ports, upload: Upload, survey: Survey) -> str:
    """Record the object that was found, unless its bytes aren't those that were announced."""
    async with ports.hold(upload.id, wait=0):
        if not await _driven(ports, await follow(ports, upload, survey)):
            return "ended, as its bytes are not those that were announced"
        return "finished"


async def take_back(ports: Ports, upload: Upload, survey: Survey) -> str:
    """Let its clients go on from the bytes that are there."""
    async with ports.hold(upload.id, wait=0):
        moved = await follow(ports, upload, survey)
        return f"taken back from offset {upload.offset} to {moved.offset}"


async def remove(ports: Ports, upload: Upload) -> str:
    """Remove what is left of one that has ended."""
    async with ports.hold(upload.id, wait=0):
        await _clear(ports, upload)
        return "removed"


async def tidy_up(ports: Ports, leftover: Leftover) -> str:
    """Remove what no upload needs."""
    if not await removed(ports, leftover, dry_run=False):
        raise Superseded(leftover.upload_id)
    return "removed"


async def _driven(ports: Ports, upload: Upload) -> bool:
    """False if it turned out to be lost; it is ended then."""
    with suppress(UploadLost):
        await drive(ports, upload)
        return True
    if (lost := await ports.state.load(upload.id)) is not None:
        await _clear(ports, lost)
    return False


async def _clear(ports: Ports, upload: Upload) -> None:
    if not await clear(ports, upload):
        raise StorageUnavailable("the storage won't let go of it now")
