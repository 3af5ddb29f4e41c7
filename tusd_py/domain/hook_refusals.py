"""The refusals of requests by hooks."""

from __future__ import annotations

from tusd_py.domain.answers import NO_ANSWER, Answer
from tusd_py.domain.refusals import Refusal, ServiceUnavailable


class HookRejected(Refusal):
    """A hook refuses the request."""

    code = "upload-rejected"

    def __init__(self, answer: Answer = NO_ANSWER, message: str = "refused by a check of this request") -> None:
        super().__init__(message)
        self.answer = answer
        """The hook's response to the client, merged over the server's own."""


class UploadRejected(HookRejected):
    """A hook refuses the upload, before it is created or before it is finished. An upload refused before its finish has
    ended."""


class AccessRejected(HookRejected):
    """The hook `pre-access` refuses the use that the request would make of an upload, its creation included."""

    code = "access-rejected"


class TerminationRejected(HookRejected):
    """A hook refuses the termination of the upload."""

    code = "termination-rejected"


class UploadStopped(HookRejected):
    """A hook ended the upload while its bytes arrived."""

    code = "upload-stopped"


class HookFailed(ServiceUnavailable):
    """A hook gave no valid answer in time, or has to be asked by a server, as this process (that of a command, say)
    knows no hook."""

    code = "hook-failed"

    def __init__(self) -> None:
        super().__init__("a check of this request couldn't be made; try again soon")
