"""What nobody comes back for: expired uploads are removed, unfinished steps are taken again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from tusd_py.domain.errors import Locked, Superseded, Unavailable, UploadLost
from tusd_py.domain.events import Reason
from tusd_py.domain.lifecycle import Change, end
from tusd_py.domain.upload import Phase, Upload, UploadId
from tusd_py.engine.direct import count, look
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import drive
from tusd_py.engine.terminate import clear
from tusd_py.recent import Recent

_RECENT = 2.0
"""Seconds for which one look at the stores speaks for all uploads that one of them has failed."""


async def sweep(engine: Engine) -> int:
    """See to all uploads that are due, some at a time; returns how many expired ones were removed.

    Raises Unavailable where a store is away: a later sweep sees to what is left.
    """
    await _catch_up(engine)
    sweeping = _Sweep(engine)
    seen: set[UploadId] = set()
    step = engine.thresholds.due
    while new := [due for due in await engine.state.due(engine.clock(), len(seen) + step) if due not in seen]:
        seen.update(new)
        await sweeping.see_to(new)
    return sweeping.expired


async def _catch_up(engine: Engine) -> None:
    """Record the troubles that the state or a dead lock holder left unrecorded: to hold an upload is to do so."""
    for upload_id in {*engine.unrecorded, *await engine.locker.abandoned()}:
        with suppress(Locked):
            async with engine.hold(upload_id, wait=0):
                pass


class _Sweep:
    """Several uploads at a time: one that takes long, or fails, keeps none of the others from it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._away = Recent(partial(_away, engine), _RECENT)
        self.expired = 0
        """Uploads that were removed because their time was up."""

    async def see_to(self, upload_ids: Iterable[UploadId]) -> None:
        """Raises Unavailable where a store is away: then no more are begun, and those that were are seen to."""
        left = deque(upload_ids)
        workers = [self._work(left) for _ in range(min(self._engine.thresholds.due_at_a_time, len(left)))]
        for error in await asyncio.gather(*workers, return_exceptions=True):
            if error is not None:
                raise error

    async def _work(self, left: deque[UploadId]) -> None:
        while left:
            try:
                await self._try(left.popleft())
            except BaseException:
                left.clear()
                raise

    async def _try(self, upload_id: UploadId) -> None:
        try:
            if not await self._seen_to(upload_id):
                await self._check()
        except Unavailable as error:
            await self._check()
            self._engine.observer.trouble("left-behind", upload_id=upload_id, reason=str(error))

    async def _check(self) -> None:
        """After a failure. Raises Unavailable where a store fails all uploads, and not only the one."""
        if error := await self._away.get():
            raise error

    async def _seen_to(self, upload_id: UploadId) -> bool:
        """False if a store has failed it. One that is being written to is left alone: it moves."""
        engine = self._engine
        with suppress(Locked, Superseded, UploadLost):
            async with engine.hold(upload_id, wait=0):
                upload = await engine.state.load(upload_id)
                if upload is not None and upload.due_at is not None and upload.due_at <= engine.clock():
                    return await self._settled(upload)
        return True

    async def _settled(self, upload: Upload) -> bool:
        engine = self._engine
        match upload.phase:
            case Phase.FINISHING:
                return await _driven_on(engine, upload)
            case Phase.TERMINATING:
                saved = await engine.records.save(Change(upload))  # so that it queues up again if it fails
                return await clear(engine, saved)
            case Phase.GONE:
                await engine.records.delete(upload)
                return True
            case Phase.DONE if not upload.expired(engine.clock()):
                return await _looked_through(engine, upload)
            case Phase.OPEN if upload.count_at is not None and not upload.expired(engine.clock()):
                return await _counted(engine, upload)
            case _:
                return await (self._looked_for(upload) if upload.awaited else self._expired(upload))

    async def _looked_for(self, upload: Upload) -> bool:
        """Of one that is awaited: it ends only if its time is up, and what was awaited isn't there."""
        engine = self._engine
        try:
            looked = await look(engine, upload)
        except Unavailable as error:
            engine.observer.trouble("look-failed", upload_id=upload.id, reason=str(error))
            await engine.records.save(Change(upload))
            return False
        if looked.phase is not Phase.OPEN:
            return True
        if looked.expired(engine.clock()):
            return await self._expired(looked)
        await engine.records.save(Change(looked))  # so that its next turn comes later
        return True

    async def _expired(self, upload: Upload) -> bool:
        ending = await self._engine.records.save(end(upload, Reason.EXPIRED))
        self.expired += 1
        return await clear(self._engine, ending)


async def _away(engine: Engine) -> Unavailable | None:
    """What a store answers that takes nothing from anybody."""
    try:
        await engine.state.ping()
        await engine.storage.ping()
    except Unavailable as error:
        return error
    return None


async def _counted(engine: Engine, upload: Upload) -> bool:
    """Where that fails, the next sweep does it."""
    try:
        await count(engine, upload)
    except Unavailable as error:
        engine.observer.trouble("look-failed", upload_id=upload.id, reason=str(error))
        return False
    return True


async def _driven_on(engine: Engine, upload: Upload) -> bool:
    """Where that fails it is recorded, and so queues up again."""
    try:
        await drive(engine, upload)
    except Unavailable as error:
        engine.observer.trouble("finish-failed", upload_id=upload.id, reason=str(error))
        return False
    return True


async def _looked_through(engine: Engine, upload: Upload) -> bool:
    """Remove what the troubles of a finished upload left."""
    troubled_at = None
    try:
        await engine.storage.clean(upload)
    except Unavailable as error:
        engine.observer.trouble("left-behind", upload_id=upload.id, reason=str(error))
        troubled_at = engine.clock()
    await engine.records.note(replace(upload, troubled_at=troubled_at))
    return troubled_at is None
