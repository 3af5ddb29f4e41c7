"""The reasons why an attempt at a job fails, and the refusals of requests for jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tusd_py.domain.refusals import Refusal


class JobFault(Exception):
    """An attempt at a job failed for a reason that a further attempt would probably meet, too, unless this is a
    `PassingFault`. The message is for the job's owner: it must not tell paths of the server or secrets."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code, self.message, self._details = code, message, details

    @property
    def error(self) -> Mapping[str, Any]:
        """The members of the job's `error`: `code`, `message` and the details."""
        return {"code": self.code, "message": self.message, **self._details}


class PassingFault(JobFault):
    """An attempt at a job failed for a reason that may pass: a retry may succeed."""


class JobVoid(Exception):
    """The upload that a job works on has ended or expired, so that the job is to be cancelled."""


class BadJob(Refusal):
    """A job is asked for by JSON of the wrong form, with wrong arguments, or with a kind that the settings lack or that
    only another route takes (`export`)."""

    code = "bad-job"


class BadExport(Refusal):
    """The body of a request for an export (a job that puts many uploads into one file) isn't a JSON object with the
    right members and values."""

    code = "bad-export"


class JobNotFound(Refusal):
    """There is no such job, or the client may not see it (`Watcher.sees`): it belongs to another owner, or to none."""

    code = "not-found"

    def __init__(self) -> None:
        super().__init__("there is no such job")


class JobEnded(Refusal):
    """The job can't be cancelled: it has ended, or its result is known and only still to be recorded."""

    code = "job-ended"

    def __init__(self) -> None:
        super().__init__("the job has ended: there is nothing to cancel")


class NotFinished(Refusal):
    """The upload that the job is to work on isn't finished."""

    code = "not-finished"

    def __init__(self) -> None:
        super().__init__("the upload is not finished: ask again once it is")
