"""An upload's end: first nobody sees it any more, then what it left is removed, then its record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from tusd_py.engine.patience import persist
from tusd_py.engine.ports import Ports
from tusd_py.errors import Locked, Superseded, Unavailable
from tusd_py.model import Phase, Upload, UploadId
from tusd_py.protocol.rules import plan_terminate

_PAUSES = (0.0, 2.0, 10.0, 40.0)
"""Seconds before each look of a writer that lost its turn: where state or storage is away, nobody else will do it."""


async def terminate(ports: Ports, upload_id: UploadId) -> None:
    """End the upload, at whatever point it is. Raises Refusal, Locked, Superseded, StateUnavailable.

    Once this is recorded it is final: what the storage won't let go of now, a sweep removes later.
    """
    async with ports.hold(upload_id):
        upload = await ports.state.load(upload_id)
        ending = await ports.save(plan_terminate(upload, limits=ports.limits, now=ports.clock()))
        ports.observer.upload_terminated(ending)
        await clear(ports, ending)


async def forget(ports: Ports, upload_id: UploadId) -> None:
    """End an upload that nobody was told of, as far as that is possible now."""
    try:
        async with ports.hold(upload_id):
            upload = await ports.state.load(upload_id)
            if upload is not None and upload.phase is not Phase.GONE:
                await clear(ports, await ports.save(replace(upload, phase=Phase.TERMINATING)))
    except (Locked, Superseded, Unavailable) as error:
        ports.observer.trouble("left-behind", upload_id=upload_id, reason=str(error))


@asynccontextmanager
async def outlived(ports: Ports, upload: Upload) -> AsyncIterator[None]:
    """A writer that lost its turn to the upload's end may have stored something after it: that goes, too."""
    try:
        yield
    except Superseded:
        await persist(partial(_clean_if_ended, ports, upload), _PAUSES, Unavailable)
        raise


async def _clean_if_ended(ports: Ports, upload: Upload) -> None:
    """Nobody writes to it any more, so that whatever its record doesn't name is ours."""
    now = await ports.state.load(upload.id)
    if now is None or now.phase not in (Phase.OPEN, Phase.FINISHING):
        await ports.storage.clean(now or replace(upload, phase=Phase.GONE))


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
        await ports.save(upload)
    elif ports.limits.gone:
        await ports.save(replace(upload, phase=Phase.GONE))
    else:
        await ports.state.delete(upload)
