"""Reports of an upload's progress to a hook (tusd's post-receive): the newest offset, at most one call at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from tusd_py.domain.hook_refusals import UploadStopped
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.events_out.hooks.call import CallFailed
from tusd_py.events_out.hooks.response import HookResponse, InvalidAnswer
from tusd_py.tasks import end

_UPLOADS = 10_000
"""The most uploads whose last report is remembered."""


class ReportedOffsets:
    """The times and offsets of the last reports, by upload. They outlast a request, so that an upload in many requests
    is reported no more often than one in few.
    """

    def __init__(self) -> None:
        self._last: OrderedDict[UploadId, tuple[float, int]] = OrderedDict()

    def due_at(self, upload: Upload, now: float, interval: float) -> float | None:
        """Return the time at which the upload's offset is to be reported, by the clock of `now`: `interval` seconds
        after the upload's last report, or after the first call of this method for it. None if the offset is the last
        reported one, or 0 before the first report.
        """
        at, offset = self._last.setdefault(upload.id, (now, 0))
        if len(self._last) > _UPLOADS:
            self._last.popitem(last=False)
        return None if offset == upload.offset else at + interval

    def note(self, upload: Upload, now: float) -> None:
        self._last[upload.id] = (now, upload.offset)
        self._last.move_to_end(upload.id)


class Progress:
    """A `ports.questions.ProgressReport` of one request, with a task that calls the hook."""

    def __init__(
        self,
        report: Callable[[Upload], Awaitable[HookResponse]],
        stop: Callable[[], None],
        reported: ReportedOffsets,
        interval: float,
    ) -> None:
        """Take `report`, which calls the hook, and `stop`, which ends the request's body; at least `interval`
        seconds are between two reports of an upload by this process (`reported` has their times).
        """
        self._report, self._stop, self._reported, self._interval = report, stop, reported, interval
        self._newest: Upload | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped: UploadStopped | None = None

    def tell(self, upload: Upload) -> None:
        self._newest = upload
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def end(self) -> UploadStopped | None:
        if self._task is not None:
            await end(self._task)
        return self._stopped

    async def _run(self) -> None:
        """Report the newest offset whenever it is due, until the task is cancelled or the hook stops the upload."""
        loop = asyncio.get_running_loop()
        while self._newest is not None and self._stopped is None:
            due_at = self._reported.due_at(self._newest, loop.time(), self._interval)
            if due_at is None or due_at > loop.time():
                await asyncio.sleep(self._interval if due_at is None else due_at - loop.time())
            else:
                await self._call(self._newest, loop)

    async def _call(self, upload: Upload, loop: asyncio.AbstractEventLoop) -> None:
        """Report the offset to the hook. A report that failed isn't repeated. If the hook stops the upload, end
        the request's body.
        """
        self._reported.note(upload, loop.time())
        try:
            response = await self._report(upload)
        except (CallFailed, InvalidAnswer):
            return
        if response.stop_upload:
            self._stopped = UploadStopped(response.answer)
            self._stop()
