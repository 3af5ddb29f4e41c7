"""What a crash left in the storage that no upload knows of: found by listing it, now and then, and removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from tusd_py.domain.errors import Locked, Superseded
from tusd_py.domain.upload import Phase, Upload, UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.installation import held_until
from tusd_py.ports.storage import Leftover

_TURN = UploadId("0" * 32)
"""Held while listing: one node at a time is enough."""
_STRANGE = 7 * 86400.0
"""Seconds something without a record is left alone where uploads never expire: a backup may bring the record back."""
_PAUSE = 0.02
"""Seconds between two removals: there is no hurry, and S3 has uploads to serve."""


async def tidy(engine: Engine, *, dry_run: bool = False) -> AsyncIterator[Leftover]:
    """Yields what nobody needs, removed unless `dry_run`. Nothing if another node is at it, nor, unless `dry_run`,
    while the installation is new to its state.

    Raises StorageUnavailable, StateUnavailable.
    """
    if not dry_run and await held_until(engine) is not None:
        return
    with suppress(Locked):
        async with engine.hold(_TURN, wait=0):
            async for leftover in engine.storage.leftovers():
                upload = await engine.state.load(leftover.upload_id)
                if not _in_use(engine, leftover, upload) and await removed(engine, leftover, dry_run=dry_run):
                    yield leftover


async def removed(engine: Engine, leftover: Leftover, *, dry_run: bool) -> bool:
    """Looked at again while nobody writes to the upload; False if it is needed, or somebody does."""
    with suppress(Locked, Superseded):
        async with engine.hold(leftover.upload_id, wait=0):
            upload = await engine.state.load(leftover.upload_id)
            if _in_use(engine, leftover, upload):
                return False
            if not dry_run:
                await _remove(engine, leftover, upload)
            return True
    return False


async def _remove(engine: Engine, leftover: Leftover, upload: Upload | None) -> None:
    """A writer that lost its turn may wake and record what it stored: a new revision first makes that impossible."""
    if upload is not None:
        await engine.records.note(upload)
    await engine.storage.remove(leftover)
    engine.meter.leftover_removed(leftover.upload_id, leftover.name)
    await asyncio.sleep(_PAUSE)


def _in_use(engine: Engine, leftover: Leftover, upload: Upload | None) -> bool:
    """An upload that is on its way out is left to the sweep, which removes all of it."""
    if upload is None:
        return leftover.since > engine.clock() - (engine.limits.expire_after or _STRANGE)
    if upload.phase is Phase.GONE:
        return False
    return upload.phase is Phase.TERMINATING or engine.storage.needs(upload, leftover)
