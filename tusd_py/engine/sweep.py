"""What nobody comes back for: expired uploads are removed, unfinished steps are taken again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from tusd_py.engine.direct import count, look
from tusd_py.engine.finish import drive
from tusd_py.engine.ports import Ports
from tusd_py.engine.terminate import clear
from tusd_py.errors import Locked, Superseded, Unavailable, UploadLost
from tusd_py.events import Reason
from tusd_py.lifecycle import Change, end
from tusd_py.model import Phase, Upload, UploadId
from tusd_py.recent import Recent

_RECENT = 2.0
"""Seconds for which one look at the stores speaks for all uploads that one of them has failed."""


async def sweep(ports: Ports) -> int:
    """See to all uploads that are due, some at a time; returns how many expired ones were removed.

    Raises Unavailable where a store is away: a later sweep sees to what is left.
    """
    await _catch_up(ports)
    sweeping = _Sweep(ports)
    seen: set[UploadId] = set()
    step = ports.thresholds.due
    while new := [due for due in await ports.state.due(ports.clock(), len(seen) + step) if due not in seen]:
        seen.update(new)
        await sweeping.see_to(new)
    return sweeping.expired


async def _catch_up(ports: Ports) -> None:
    """Record the troubles that the state or a dead lock holder left unrecorded: to hold an upload is to do so."""
    for upload_id in {*ports.unrecorded, *await ports.locker.abandoned()}:
        with suppress(Locked):
            async with ports.hold(upload_id, wait=0):
                pass


class _Sweep:
    """Several uploads at a time: one that takes long, or fails, keeps none of the others from it."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._away = Recent(partial(_away, ports), _RECENT)
        self.expired = 0
        """Uploads that were removed because their time was up."""

    async def see_to(self, upload_ids: Iterable[UploadId]) -> None:
        """Raises Unavailable where a store is away: then no more are begun, and those that were are seen to."""
        left = deque(upload_ids)
        workers = [self._work(left) for _ in range(min(self._ports.thresholds.due_at_a_time, len(left)))]
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
            self._ports.observer.trouble("left-behind", upload_id=upload_id, reason=str(error))

    async def _check(self) -> None:
        """After a failure. Raises Unavailable where a store fails all uploads, and not only the one."""
        if error := await self._away.get():
            raise error

    async def _seen_to(self, upload_id: UploadId) -> bool:
        """False if a store has failed it. One that is being written to is left alone: it moves."""
        ports = self._ports
        with suppress(Locked, Superseded, UploadLost):
            async with ports.hold(upload_id, wait=0):
                upload = await ports.state.load(upload_id)
                if upload is not None and upload.due_at is not None and upload.due_at <= ports.clock():
                    return await self._settled(upload)
        return True

    async def _settled(self, upload: Upload) -> bool:
        ports = self._ports
        match upload.phase:
            case Phase.FINISHING:
                return await _driven_on(ports, upload)
            case Phase.TERMINATING:
                saved = await ports.records.save(Change(upload))  # so that it queues up again if it fails
                return await clear(ports, saved)
            case Phase.GONE:
                await ports.records.delete(upload)
                return True
            case Phase.DONE if not upload.expired(ports.clock()):
                return await _looked_through(ports, upload)
            case Phase.OPEN if upload.count_at is not None and not upload.expired(ports.clock()):
                return await _counted(ports, upload)
            case _:
                return await (self._looked_for(upload) if upload.awaited else self._expired(upload))

    async def _looked_for(self, upload: Upload) -> bool:
        """Of one that is awaited: it ends only if its time is up, and what was awaited isn't there."""
        ports = self._ports
        try:
            looked = await look(ports, upload)
        except Unavailable as error:
            ports.observer.trouble("look-failed", upload_id=upload.id, reason=str(error))
            await ports.records.save(Change(upload))
            return False
        if looked.phase is not Phase.OPEN:
            return True
        if looked.expired(ports.clock()):
            return await self._expired(looked)
        await ports.records.save(Change(looked))  # so that its next turn comes later
        return True

    async def _expired(self, upload: Upload) -> bool:
        ending = await self._ports.records.save(end(upload, Reason.EXPIRED))
        self.expired += 1
        return await clear(self._ports, ending)


async def _away(ports: Ports) -> Unavailable | None:
    """What a store answers that takes nothing from anybody."""
    try:
        await ports.state.ping()
        await ports.storage.ping()
    except Unavailable as error:
        return error
    return None


async def _counted(ports: Ports, upload: Upload) -> bool:
    """Where that fails, the next sweep does it."""
    try:
        await count(ports, upload)
    except Unavailable as error:
        ports.observer.trouble("look-failed", upload_id=upload.id, reason=str(error))
        return False
    return True


async def _driven_on(ports: Ports, upload: Upload) -> bool:
    """Where that fails it is recorded, and so queues up again."""
    try:
        await drive(ports, upload)
    except Unavailable as error:
        ports.observer.trouble("finish-failed", upload_id=upload.id, reason=str(error))
        return False
    return True


async def _looked_through(ports: Ports, upload: Upload) -> bool:
    """Remove what the troubles of a finished upload left."""
    troubled_at = None
    try:
        await ports.storage.clean(upload)
    except Unavailable as error:
        ports.observer.trouble("left-behind", upload_id=upload.id, reason=str(error))
        troubled_at = ports.clock()
    await ports.records.note(replace(upload, troubled_at=troubled_at))
    return troubled_at is None
