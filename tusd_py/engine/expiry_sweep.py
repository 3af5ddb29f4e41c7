"""The sweep: it removes expired uploads and retries unfinished steps, without a client's request."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from tusd_py.domain.errors import Locked, Superseded, Unavailable, UploadLost
from tusd_py.domain.events import Reason
from tusd_py.domain.hook_refusals import HookFailed, HookRejected
from tusd_py.domain.lifecycle import Change, end, review_trouble
from tusd_py.domain.phase import Phase
from tusd_py.domain.scan_refusals import ScannerUnavailable, ScanRejected
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.direct import check_size, look_for
from tusd_py.engine.engine import Engine
from tusd_py.engine.finish import finish_upload
from tusd_py.engine.terminate import clear, retry_ends
from tusd_py.recent import Recent

_RECENT = 2.0
"""Seconds for which the result of a ping of both stores is used again: the sweep asks for it after each step that
failed, to learn if a store fails for all uploads."""


async def sweep(engine: Engine) -> int:
    """Process all uploads that are due, some at a time; return the number of uploads that it ended as expired.

    Raises Unavailable if a store is unavailable: a later sweep processes the rest. An unforeseen error of one upload is
    raised once all others are processed.
    """
    await _record_troubles(engine)
    await retry_ends(engine)
    current = _Sweep(engine)
    processed: set[UploadId] = set()
    step = engine.thresholds.due
    while new := [due for due in await engine.state.due(engine.clock(), len(processed) + step) if due not in processed]:
        processed.update(new)
        await current.process(new)
    if current.mistake is not None:
        raise current.mistake
    return current.expired


async def _record_troubles(engine: Engine) -> None:
    """Record the troubles that an unavailable state or a dead lock holder left unrecorded, by taking each upload's
    lock: `Engine.hold` records the trouble on entry. Uploads that are locked are skipped. Raises
    StateUnavailable.
    """
    for upload_id in {*engine.unrecorded, *await engine.locker.abandoned()}:
        with suppress(Locked):
            async with engine.hold(upload_id, wait=0):
                pass


class _Sweep:
    """A round over due uploads, several at a time, so that a slow or failing one doesn't delay all others."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._outage = Recent(partial(_outage, engine), _RECENT)
        self.expired = 0
        """The number of uploads ended because they had expired, also if their removal failed and is retried later."""
        self.mistake: Exception | None = None
        """The first unforeseen error of an upload; None for none."""

    async def process(self, upload_ids: Iterable[UploadId]) -> None:
        """Process the uploads. Raises Unavailable if a store is unavailable, once those in progress are processed."""
        queue = deque(upload_ids)
        workers = [self._work(queue) for _ in range(min(self._engine.thresholds.due_at_a_time, len(queue)))]
        for error in await asyncio.gather(*workers, return_exceptions=True):
            if error is not None:
                raise error

    async def _work(self, queue: deque[UploadId]) -> None:
        while queue:
            try:
                await self._try(queue.popleft())
            except BaseException:
                queue.clear()
                raise

    async def _try(self, upload_id: UploadId) -> None:
        try:
            if not await self._process(upload_id):
                await self._check_stores()
        except Unavailable as error:
            await self._check_stores()
            self._engine.observer.trouble("left behind", upload_id=upload_id, reason=str(error))
        except Exception as error:  # noqa: BLE001 - raised at the end: the other uploads don't wait for it
            self.mistake = self.mistake or error

    async def _check_stores(self) -> None:
        """Raise Unavailable if a store fails for all uploads, not only for the one that has just failed."""
        if error := await self._outage.get():
            raise error

    async def _process(self, upload_id: UploadId) -> bool:
        """Take the step that is due for the upload. Returns False if the step failed and a later sweep is to retry it;
        else True, also if the upload is locked, as its lock holder works on it, or was refused or lost. Raises
        Unavailable.
        """
        engine = self._engine
        with suppress(Locked, Superseded, UploadLost, HookRejected, ScanRejected):
            async with engine.hold(upload_id, wait=0):
                upload = await engine.state.load(upload_id)
                if upload is not None and upload.due_at is not None and upload.due_at <= engine.clock():
                    return await self._advance(upload)
        return True

    async def _advance(self, upload: Upload) -> bool:
        engine = self._engine
        expired = upload.expired(engine.clock())
        match upload.phase:
            case Phase.FINISHING:
                return await _finish(engine, upload)
            case Phase.TERMINATING:
                saved = await engine.records.save(Change(upload))  # moves it to the end of the queue, in case it fails
                return await clear(engine, saved)
            case Phase.GONE:
                await engine.records.delete(upload)
                return True
            case Phase.DONE if not expired:
                return await _clean(engine, upload)
            case Phase.OPEN if not expired and upload.direct is not None and upload.direct.parts_check_at is not None:
                return await _check_size(engine, upload)
            case _:
                return await (self._check_awaited(upload) if upload.awaited else self._expire(upload))

    async def _check_awaited(self, upload: Upload) -> bool:
        """Finish an awaited upload if its object exists; else let the upload expire if its time has come. Returns False
        if the look for the object, the finishing or the removal failed: a later sweep retries. Raises UploadLost,
        HookRejected, ScanRejected, Superseded, StateUnavailable.
        """
        engine = self._engine
        try:
            checked = await look_for(engine, upload)
        except Unavailable as error:
            engine.observer.trouble("look failed", upload_id=upload.id, reason=str(error))
            await engine.records.save(Change(upload))
            return False
        if checked.phase is Phase.FINISHING:
            return await _finish(engine, checked)
        if checked.expired(engine.clock()):
            return await self._expire(checked)
        await engine.records.save(Change(checked))  # so that its next check comes later
        return True

    async def _expire(self, upload: Upload) -> bool:
        ending = await self._engine.records.save(end(upload, Reason.EXPIRED))
        self.expired += 1
        return await clear(self._engine, ending)


async def _outage(engine: Engine) -> Unavailable | None:
    """Return the error of a store that fails for all uploads; None if both stores work."""
    try:
        await engine.state.ping()
        await engine.storage.ping()
    except Unavailable as error:
        return error
    return None


async def _check_size(engine: Engine, upload: Upload) -> bool:
    """End a direct upload whose client has stored too many bytes, else schedule a further check if one is needed
    (`check_size`). Returns False if a store failed: the next sweep tries again. Raises Superseded.
    """
    try:
        await check_size(engine, upload)
    except Unavailable as error:
        engine.observer.trouble("look failed", upload_id=upload.id, reason=str(error))
        return False
    return True


async def _finish(engine: Engine, upload: Upload) -> bool:
    """Finish the upload. Returns False if a store, a hook or the scanner failed; the failure is recorded, so
    that the upload is due again later. Raises UploadLost, HookRejected, ScanRejected, Superseded.
    """
    try:
        await finish_upload(engine, upload)
    except (Unavailable, HookFailed, ScannerUnavailable) as error:
        engine.observer.trouble("finish failed", upload_id=upload.id, reason=str(error))
        return False
    return True


async def _clean(engine: Engine, upload: Upload) -> bool:
    """Remove what the recorded trouble of a finished upload may have left in the storage, and take the trouble
    off its record. If the storage fails, record the trouble with the present time and return False. Raises
    Superseded, StateUnavailable.
    """
    cleaned = True
    try:
        await engine.storage.clean(upload)
    except Unavailable as error:
        engine.observer.trouble("left behind", upload_id=upload.id, reason=str(error))
        cleaned = False
    await engine.records.note(review_trouble(upload, engine.clock(), cleaned=cleaned))
    return cleaned
