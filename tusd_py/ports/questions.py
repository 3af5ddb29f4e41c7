"""The port to hooks that are asked within a request, and whose answer the request waits for."""

from __future__ import annotations

from typing import Protocol

from tusd_py.domain.answers import NO_ANSWER, NO_CHANGE, Answer, FileChange
from tusd_py.domain.caller import Caller
from tusd_py.domain.upload import Upload


class Questions(Protocol):
    """Asks before something happens. Each method raises HookRejected, or HookFailed if there is no valid answer in
    time: nothing has changed then."""

    @property
    def asks_before_finish(self) -> bool:
        """True if an upload counts as finished only after an answer."""

    async def before_access(self, caller: Caller, upload: Upload) -> None:
        """Ask before a request other than HEAD is carried out; `upload` is planned or as stored."""

    async def before_create(self, caller: Caller, planned: Upload) -> tuple[FileChange, Answer]:
        """Ask before an upload is recorded."""

    async def before_finish(self, caller: Caller, upload: Upload) -> Answer:
        """Ask once the object exists, and before the upload is recorded as done. May be asked again, with one id."""

    async def before_terminate(self, caller: Caller, upload: Upload) -> Answer:
        """Ask before a client's DELETE is carried out."""

    def on_progress(self, caller: Caller, upload: Upload) -> None:
        """Tell the newest recorded offset, at best; returns at once."""

    async def end_progress(self, upload: Upload) -> None:
        """Return once nothing more is told about the upload's progress: it has ended."""


class NoQuestions:
    """No hook: everything goes on as planned."""

    asks_before_finish = False

    async def before_access(self, caller: Caller, upload: Upload) -> None:
        """Return at once."""

    async def before_create(self, caller: Caller, planned: Upload) -> tuple[FileChange, Answer]:  # noqa: ARG002  the port's signature
        return NO_CHANGE, NO_ANSWER

    async def before_finish(self, caller: Caller, upload: Upload) -> Answer:  # noqa: ARG002  the port's signature
        return NO_ANSWER

    async def before_terminate(self, caller: Caller, upload: Upload) -> Answer:  # noqa: ARG002  the port's signature
        return NO_ANSWER

    def on_progress(self, caller: Caller, upload: Upload) -> None:
        """Do nothing."""

    async def end_progress(self, upload: Upload) -> None:
        """Return at once."""
