"""The port to hooks that are asked within a request, and whose answer the request waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tusd_py.domain.answers import NO_ANSWER, NO_CHANGE, Answer, FileChange
from tusd_py.domain.caller import Caller
from tusd_py.domain.hook_refusals import HookFailed, UploadStopped
from tusd_py.domain.upload import Upload


class Questions(Protocol):
    """Asks before something happens. Each question raises HookRejected, or HookFailed if there is no valid answer in
    time: nothing has changed then."""

    @property
    def asks_before_finish(self) -> bool:
        """True if an upload counts as finished only after an answer."""

    async def before_create(self, caller: Caller, planned: Upload) -> tuple[FileChange, Answer]:
        """Ask before an upload is recorded."""

    async def before_finish(self, caller: Caller, upload: Upload) -> Answer:
        """Ask once the object exists, and before the upload is recorded as done. It may be asked again, with one id."""

    async def before_terminate(self, caller: Caller, upload: Upload) -> Answer:
        """Ask before a client's DELETE is carried out."""

    def report_progress(self, caller: Caller, stop: Callable[[], None]) -> ProgressReport:
        """Return the report of one request; `stop` ends its body, if the hook wants that."""


class ProgressReport(Protocol):
    """Reports of the newest recorded offset while one request brings bytes: at best, not in each case."""

    def tell(self, upload: Upload) -> None:
        """Report the recorded offset, soon; returns at once."""

    async def end(self) -> UploadStopped | None:
        """Return once no more is reported; returns the refusal if the hook has stopped the upload."""


class NoQuestions:
    """No hook: everything goes on as planned."""

    asks_before_finish = False

    async def before_create(self, caller: Caller, planned: Upload) -> tuple[FileChange, Answer]:  # noqa: ARG002  the port's signature
        return NO_CHANGE, NO_ANSWER

    async def before_finish(self, caller: Caller, upload: Upload) -> Answer:  # noqa: ARG002  the port's signature
        return NO_ANSWER

    async def before_terminate(self, caller: Caller, upload: Upload) -> Answer:  # noqa: ARG002  the port's signature
        return NO_ANSWER

    def report_progress(self, caller: Caller, stop: Callable[[], None]) -> ProgressReport:  # noqa: ARG002  the port's signature
        return NO_REPORT


class _NoReport:
    def tell(self, upload: Upload) -> None:
        pass

    async def end(self) -> UploadStopped | None:
        return None


NO_REPORT: ProgressReport = _NoReport()
"""A report of nothing."""


class DeferredQuestions(NoQuestions):
    """Asks no hook, as its process knows none: an upload that is to be asked about stays finishing, for a server."""

    async def before_finish(self, caller: Caller, upload: Upload) -> Answer:
        if upload.asks_before_finish:
            raise HookFailed
        return await super().before_finish(caller, upload)
