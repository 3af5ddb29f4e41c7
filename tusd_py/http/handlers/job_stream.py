"""GET /jobs/{id} as a stream: the state of the job, sent again when it has changed, until the job ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass

from aiohttp import hdrs, web

from tusd_py.domain.errors import Unavailable
from tusd_py.domain.job import Job
from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.http.context import Context
from tusd_py.http.failures import record_refusal
from tusd_py.http.handlers.streams import EVENTS
from tusd_py.http.handlers.watching import counted
from tusd_py.protocol.job_messages import end_event, job_event, job_line
from tusd_py.protocol.listing import end_members, fault_members, ndjson_line

_LOOK_SECONDS = 0.5
_TOLD_SECONDS = 1.0
"""The least seconds between two states that are sent; the final state may follow sooner."""
_END = ".end"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFormat:
    """The format of a job's stream: it encodes the job's states, the end of the stream and what fills a silence."""

    content_type: str
    state: Callable[[Job], bytes]
    end: Callable[[Job, int], bytes]
    """Makes the end of the stream from the ended job and the number of states sent."""
    fault: Callable[[str, Job], bytes]
    """Makes, from the code of the refusal and the job as last read, the end of a stream that breaks off."""
    pulse: bytes
    """Bytes that are sent after a silence, and mean nothing."""
    tells_last: bool
    """True if the job's final state is sent as a message before the one that ends the stream; False if the message that
    ends the stream contains that state."""


FORMATS: Mapping[str, StreamFormat] = {
    EVENTS: StreamFormat(
        content_type=EVENTS,
        state=job_event,
        end=lambda job, _: end_event(job),
        fault=lambda _, __: b"",
        pulse=b":\n\n",
        tells_last=False,
    ),
    "application/x-ndjson": StreamFormat(
        content_type="application/x-ndjson",
        state=job_line,
        end=lambda job, count: ndjson_line(end_members(str(job.revision), count)),
        fault=lambda code, job: ndjson_line(fault_members(code, str(job.revision))),
        pulse=b"\n",
        tells_last=True,
    ),
}
"""The formats by their media types."""


async def stream_job(request: web.Request, context: Context, job: Job, form: StreamFormat) -> web.StreamResponse:
    """Send the job's states until it has ended or is removed, or the server shuts down; break the response off once the
    state store is unavailable. The answer is 204 to a client whose Last-Event-ID is that of the end. Raises
    TooManyListeners, ListenersFull, Malformed, ConnectionError."""
    if request.headers.get("Last-Event-ID", "").endswith(_END):
        return web.Response(status=204)
    headers = {hdrs.CONTENT_TYPE: form.content_type, hdrs.CACHE_CONTROL: "no-cache", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers={**headers, hdrs.VARY: hdrs.ACCEPT})
    response.force_close()
    with counted(request, context), closing(BodyStream(request, response, context.network_timeout)) as body:
        await body.begin()
        teller = _Teller(context, job, form, body)
        try:
            await teller.run()
        except Unavailable as error:
            code = record_refusal(request, context, error).code
            await body.break_off(form.fault(code, teller.job))
    return response


class _Teller:
    """The sender of one stream of a job's states."""

    def __init__(self, context: Context, job: Job, form: StreamFormat, body: BodyStream) -> None:
        self.job = job
        self._context, self._form, self._body = context, form, body
        self._count, self._last_revision = 0, 0

    async def run(self) -> None:
        """Send the job's state, at once and after changes, then the end; return without the end if the server
        shuts down or the job is removed. Raises StateUnavailable, ConnectionError.
        """
        await self._tell()
        while not self.job.ended:
            if self._context.concurrency.closed or not self._body.connected:
                return
            await asyncio.sleep(_LOOK_SECONDS)
            if not await self._look():
                return
        if self._form.tells_last and self._last_revision != self.job.revision:
            await self._tell()
        await self._body.send(self._form.end(self.job, self._count))

    async def _look(self) -> bool:
        """Read the job if it has changed, and send its state if that is new and nothing was sent for `_TOLD_SECONDS`;
        the state of an ended job is left to `run`. After `heartbeat` seconds of silence, send bytes that mean
        nothing. Returns False if the job was removed. Raises StateUnavailable, ConnectionError.
        """
        jobs = self._context.engine.state.jobs
        if await jobs.revision(self.job.id) != self.job.revision:
            job = await jobs.load(self.job.id)
            if job is None:
                return False
            self.job = job
        silence = self._body.silence
        if not self.job.ended and self.job.revision != self._last_revision and silence >= _TOLD_SECONDS:
            await self._tell()
        elif silence >= self._context.heartbeat:
            await self._body.send(self._form.pulse)
        return True

    async def _tell(self) -> None:
        self._count, self._last_revision = self._count + 1, self.job.revision
        await self._body.send(self._form.state(self.job))
