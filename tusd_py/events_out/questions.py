"""The questions to hooks, in tusd's format. Each is one call, retried within its time, whose answer must be valid; only
a report of progress isn't retried, and does without an answer."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tusd_py.domain.answers import NO_ANSWER, NO_CHANGE, Answer, FileChange
from tusd_py.domain.caller import Caller
from tusd_py.domain.copying import copy_with
from tusd_py.domain.hook_refusals import HookFailed, TerminationRejected, UploadRejected
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.events_out.formats.facts import Message
from tusd_py.events_out.formats.tusd import body
from tusd_py.events_out.hooks.call import TIMEOUT, Call, CallFailed, HookCaller, call_of
from tusd_py.events_out.hooks.response import HookResponse, InvalidAnswer, parse_response
from tusd_py.events_out.progress import Progress, ReportedOffsets
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer
from tusd_py.ports.questions import NO_REPORT, ProgressReport
from tusd_py.ports.storage import Storage

PRE_ACCESS, PRE_CREATE, PRE_FINISH, PRE_TERMINATE = "pre-access", "pre-create", "pre-finish", "pre-terminate"
POST_RECEIVE = "post-receive"
_FIRST_PAUSE = 0.2
_SERVER_ERROR = 500
_LOGGED = 100
"""The most names of ignored members and header fields that are logged of one answer; once so many are logged in all, no
more are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The limits of the calls that ask a hook, in number, time and bytes, and the header fields sent along."""

    attempts: int
    """The most attempts at a question, all within `seconds`."""
    longest_pause: float
    """The longest pause in seconds between two attempts: the pauses are 0.2 s, 0.4 s and so on up to this."""
    seconds: float
    limit: int
    """The most bytes of an answer."""
    interval: float
    """The fewest seconds between two reports of an upload's progress."""
    forward: Sequence[str] = ()
    """The names of the header fields of the client's request that are sent along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookQuestions:
    """A `ports.questions.Questions` that asks a hook. A hook whose name isn't in `enabled` isn't called, and nothing is
    refused or changed; only `before_access` always calls.
    """

    caller: HookCaller
    enabled: frozenset[str]
    asking: Asking
    storage: Storage
    buckets: Sequence[str] = ()
    """The buckets that a hook may choose, the storage's own first; empty if the storage is a folder."""
    observer: Observer
    meter: Meter
    _ignored: set[str] = field(default_factory=set)
    """The names of ignored members and header fields that were logged."""
    _reported: ReportedOffsets = field(default_factory=ReportedOffsets)

    @property
    def asks_before_finish(self) -> bool:
        return PRE_FINISH in self.enabled

    async def before_access(self, client: Caller, upload: Upload, *, planned: bool) -> HookResponse:
        """Ask before a request is carried out, and return the hook's answer, also one that rejects the access;
        `planned` if the upload isn't recorded yet. Raises HookFailed if no valid answer came in time.
        """
        return await self._ask(PRE_ACCESS, client, upload, _random_id(PRE_ACCESS), planned=planned)

    async def before_create(self, caller: Caller, planned: Upload) -> tuple[FileChange, Answer]:
        if PRE_CREATE not in self.enabled:
            return NO_CHANGE, NO_ANSWER
        response = await self._ask(PRE_CREATE, caller, planned, _random_id(PRE_CREATE), planned=True)
        if response.reject_upload:
            raise UploadRejected(response.answer)
        return response.change, response.answer

    async def before_finish(self, caller: Caller, upload: Upload) -> Answer:
        if PRE_FINISH not in self.enabled:
            return NO_ANSWER
        response = await self._ask(PRE_FINISH, caller, upload, f"ask_{upload.id}_{PRE_FINISH}")
        if response.reject_upload:
            raise UploadRejected(response.answer)
        return response.answer

    async def before_terminate(self, caller: Caller, upload: Upload) -> Answer:
        if PRE_TERMINATE not in self.enabled:
            return NO_ANSWER
        response = await self._ask(PRE_TERMINATE, caller, upload, f"ask_{upload.id}_{PRE_TERMINATE}")
        if response.reject_termination:
            raise TerminationRejected(response.answer)
        return response.answer

    def report_progress(self, caller: Caller, stop: Callable[[], None]) -> ProgressReport:
        if POST_RECEIVE not in self.enabled:
            return NO_REPORT

        async def report(upload: Upload) -> HookResponse:
            call = self._call(POST_RECEIVE, caller, upload, _random_id(POST_RECEIVE))
            return await self._attempt(call, self.asking.seconds)

        return Progress(report, stop, self._reported, self.asking.interval)

    async def _ask(
        self, hook: str, caller: Caller, upload: Upload, call_id: str, *, planned: bool = False
    ) -> HookResponse:
        """Return the hook's answer. With `planned`, the upload isn't recorded yet: the call names no id and no place in
        the storage. Raises HookFailed if no valid answer came in time; the observer gets the reason.
        """
        call = self._call(hook, caller, upload, call_id, planned=planned)
        try:
            async with asyncio.timeout(self.asking.seconds):
                return await self._repeat(call)
        except (TimeoutError, CallFailed, InvalidAnswer) as error:
            reason = str(error) or TIMEOUT
            self.observer.trouble("hook failed", hook=hook, upload_id=upload.id, reason=reason)
            raise HookFailed from None

    async def _repeat(self, call: Call) -> HookResponse:
        """Return the answer of the first attempt that succeeds, with growing pauses between attempts. Raises CallFailed
        or InvalidAnswer if no attempt is left, or a retry can't help.
        """
        pause = _FIRST_PAUSE
        for _ in range(self.asking.attempts - 1):
            try:
                return await self._attempt(call, self.asking.seconds)
            except _Again:
                await asyncio.sleep(min(pause, self.asking.longest_pause))
                pause *= 2
        return await self._attempt(call, self.asking.seconds)

    async def _attempt(self, call: Call, seconds: float) -> HookResponse:
        """Return the answer of one call, which may take `seconds`; the meter gets its duration and outcome. Raises
        CallFailed (_Again if a retry may help), InvalidAnswer.
        """
        started, outcome = time.perf_counter(), "failed"
        try:
            response = await self._response(call, seconds)
        except (CallFailed, asyncio.CancelledError) as error:
            outcome = "timeout" if isinstance(error, asyncio.CancelledError) or str(error) == TIMEOUT else "failed"
            raise
        else:
            outcome = "rejected" if _rejects(response) else "ok"
            return response
        finally:
            self.meter.hook_called(call.message.name, time.perf_counter() - started, outcome)

    async def _response(self, call: Call, seconds: float) -> HookResponse:
        try:
            result = await self.caller.call(call, seconds)
        except CallFailed as error:
            raise _Again(str(error)) from error
        if not result.ok:
            raise (_Again if result.status >= _SERVER_ERROR else CallFailed)(f"HTTP {result.status}")
        response = parse_response(result.body, self.asking.limit, self.buckets)
        self._log_ignored(call.message.name, response)
        return response

    def _log_ignored(self, hook: str, response: HookResponse) -> None:
        for name in set(response.ignored[:_LOGGED]) - self._ignored if len(self._ignored) < _LOGGED else ():
            self._ignored.add(name)
            self.observer.trouble("hook answered more than is known", hook=hook, name=name)

    def _call(self, hook: str, caller: Caller, upload: Upload, call_id: str, *, planned: bool = False) -> Call:
        place = None if planned else self.storage.locate(upload)
        upload = copy_with(upload, id=UploadId("")) if planned else upload  # its client gets no URL yet
        message = Message(name=hook, body=body(hook, upload, caller, place))
        return call_of(message, call_id, upload, caller, self.asking.forward)


class _Again(CallFailed):
    """A call failed in a way that a retry may cure: it got no answer, its command or method failed, or the status is
    500 or above.
    """


def _random_id(hook: str) -> str:
    return f"ask_{secrets.token_hex(16)}_{hook}"


def _rejects(response: HookResponse) -> bool:
    return response.reject_upload or response.reject_termination or response.reject_access or response.stop_upload
