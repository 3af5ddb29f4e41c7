"""Garbage collection: the storage is listed from time to time, and orphans that crashes left are removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext, suppress

from tusd_py.domain.errors import Locked, Superseded
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.installation import grace_period_end
from tusd_py.ports.inspection import Leftover

_LOCK_ID = UploadId("0" * 32)
"""The id that is locked while listing, so that one process at a time collects garbage."""
_MIN_AGE = 7 * 86400.0
"""Seconds to keep a leftover without a record if uploads never expire: a restored backup may have its record."""
_PAUSE = 0.02
"""Seconds between two removals, so that S3 has capacity for uploads."""


async def collect_garbage(engine: Engine, *, dry_run: bool = False) -> AsyncIterator[Leftover]:
    """Yield orphans, each removed unless `dry_run`; none if the storage can't list them. Unless `dry_run`, nothing is
    yielded while another process collects garbage, nor during the grace period: the week after a new state took over
    the storage, or after `force_pair`, unless a repair ends it earlier.

    Raises Unavailable, also WrongPair.
    """
    inspection = engine.storage.inspection
    if inspection is None:
        return
    if not dry_run and await grace_period_end(engine) is not None:
        return
    with suppress(Locked):
        async with nullcontext() if dry_run else engine.hold(_LOCK_ID, wait=0):
            async for leftover in inspection.leftovers():
                upload = await engine.state.load(leftover.upload_id)
                if not _in_use(engine, leftover, upload) and await remove_unneeded(engine, leftover, dry_run=dry_run):
                    yield leftover


async def remove_unneeded(engine: Engine, leftover: Leftover, *, dry_run: bool) -> bool:
    """Remove the leftover if no upload needs it, under the lock of its upload; with `dry_run`, only check that. Returns
    False if the leftover may be needed, or its upload is locked, terminating or changed meanwhile; else True. Raises
    Unavailable."""
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
    """Remove the leftover, after a save of its upload's record, if there is one: a writer that lost its lock can't
    record its bytes after that new revision. Raises Superseded, Unavailable."""
    if upload is not None:
        await engine.records.note(upload)
    if engine.storage.inspection is not None:
        await engine.storage.inspection.remove(leftover)
    engine.meter.leftover_removed(leftover.upload_id, leftover.name)
    await asyncio.sleep(_PAUSE)


def _in_use(engine: Engine, leftover: Leftover, upload: Upload | None) -> bool:
    """Return True if the leftover may be needed, or its upload is terminating, as the sweep then removes all
    that the storage has of the upload. `upload` is the record of the leftover's upload; without one, the
    leftover may be needed while it is younger than `expire-after`, or than a week if uploads never expire.
    """
    if upload is None:
        return leftover.since > engine.clock() - (engine.limits.expire_after or _MIN_AGE)
    if upload.phase is Phase.GONE:
        return False
    inspection = engine.storage.inspection
    return upload.phase is Phase.TERMINATING or inspection is None or inspection.needs(upload, leftover)
