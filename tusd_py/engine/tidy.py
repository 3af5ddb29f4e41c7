"""What a crash left in the storage that no upload knows of: found by listing it, now and then, and removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from tusd_py.engine.installation import held_until
from tusd_py.engine.ports import Ports
from tusd_py.errors import Locked, Superseded
from tusd_py.model import Phase, Upload, UploadId
from tusd_py.storage.base import Leftover

_TURN = UploadId("0" * 32)
"""Held while listing: one node at a time is enough."""
_STRANGE = 7 * 86400.0
"""Seconds something without a record is left alone where uploads never expire: a backup may bring the record back."""
_PAUSE = 0.02
"""Seconds between two removals: there is no hurry, and S3 has uploads to serve."""


async def tidy(ports: Ports, *, dry_run: bool = False) -> AsyncIterator[Leftover]:
    """Yields what nobody needs, removed unless `dry_run`. Nothing if another node is at it, nor, unless `dry_run`,
    while the installation is new to its state.

    Raises StorageUnavailable, StateUnavailable.
    """
    if not dry_run and await held_until(ports) is not None:
        return
    with suppress(Locked):
        async with ports.hold(_TURN, wait=0):
            async for leftover in ports.storage.leftovers():
                upload = await ports.state.load(leftover.upload_id)
                if not _in_use(ports, leftover, upload) and await removed(ports, leftover, dry_run=dry_run):
                    yield leftover


async def removed(ports: Ports, leftover: Leftover, *, dry_run: bool) -> bool:
    """Looked at again while nobody writes to the upload; False if it is needed, or somebody does."""
    with suppress(Locked, Superseded):
        async with ports.hold(leftover.upload_id, wait=0):
            upload = await ports.state.load(leftover.upload_id)
            if _in_use(ports, leftover, upload):
                return False
            if not dry_run:
                await _remove(ports, leftover, upload)
            return True
    return False


async def _remove(ports: Ports, leftover: Leftover, upload: Upload | None) -> None:
    """A writer that lost its turn may wake and record what it stored: a new revision first makes that impossible."""
    if upload is not None:
        await ports.records.note(upload)
    await ports.storage.remove(leftover)
    ports.meter.leftover_removed(leftover.upload_id, leftover.name)
    await asyncio.sleep(_PAUSE)


def _in_use(ports: Ports, leftover: Leftover, upload: Upload | None) -> bool:
    """An upload that is on its way out is left to the sweep, which removes all of it."""
    if upload is None:
        return leftover.since > ports.clock() - (ports.limits.expire_after or _STRANGE)
    if upload.phase is Phase.GONE:
        return False
    return upload.phase is Phase.TERMINATING or ports.storage.needs(upload, leftover)
