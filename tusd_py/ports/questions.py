"""The port to hooks that may refuse or change what the server does: questions, whose answers it waits for, and reports
of progress, after which a hook may end the upload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tusd_py.domain.answers import NO_ANSWER, NO_CHANGE, Answer, FileChange
from tusd_py.domain.caller import Caller
from tusd_py.domain.hook_refusals import HookFailed, UploadStopped
from tusd_py.domain.upload import Upload


class Questions(Protocol):
    """Asks hooks before the server acts. Each method `before_…` raises HookRejected if the hook refuses, or HookFailed
    if it gives no valid answer in time; else it returns the answer with which the response to the client is merged, an
    empty one if there is no such hook."""

    @property
    def asks_before_finish(self) -> bool:
        """True if a hook is asked before an upload with all its bytes counts as finished."""

    async def before_create(self, caller: Caller, planned: Upload) -> tuple[FileChange, Answer]:
        """Ask before an upload is recorded; return the changes that the hook makes to the planned upload, and
        its answer.
        """

    async def before_finish(self, caller: Caller, upload: Upload) -> Answer:
        """Ask once the object exists, and before the upload is recorded as done. The question may be repeated, always
        with the same question id, by which the hook recognizes it."""

    async def before_terminate(self, caller: Caller, upload: Upload) -> Answer:
        """Ask before an upload is ended on request of a client: by DELETE, over a WebSocket or on the dashboard. Not
        asked for an operator's command, or if the server ends the upload for another reason."""

    def report_progress(self, caller: Caller, stop: Callable[[], None]) -> ProgressReport:
        """Return the reporter of the progress of one request that brings bytes; it calls `stop`, which ends the
        request's body, if the hook wants the upload to end."""


class ProgressReport(Protocol):
    """Reports the newest recorded offset to a hook while one request brings bytes. A report that fails isn't
    repeated."""

    def tell(self, upload: Upload) -> None:
        """Have the upload's recorded offset reported once the next report is due, unless a newer one is told, or the
        reports end, before that. Returns at once."""

    async def end(self) -> UploadStopped | None:
        """End the reports. Returns the refusal to raise if the hook has stopped the upload, else None."""


class NoQuestions:
    """`Questions` without a hook: nothing is refused or changed."""

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
"""A `ProgressReport` that reports nothing."""


class DeferredQuestions(NoQuestions):
    """`Questions` of a process that knows no hook, such as that of a command: `before_finish` raises HookFailed for an
    upload on which a hook is to be asked, so that the upload stays finishing until a server asks."""

    async def before_finish(self, caller: Caller, upload: Upload) -> Answer:
        if upload.asks_before_finish:
            raise HookFailed
        return await super().before_finish(caller, upload)
