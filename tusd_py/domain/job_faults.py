"""The reasons why an attempt at a job fails, and the refusals of requests for jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tusd_py.domain.refusals import Refusal


class JobFault(Exception):
    """An attempt at a job failed, and each further one would fail, too. The message is for the job's owner: it must not
    tell paths of the server or secrets."""

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
    """The upload of a job has ended, so that the job is to be cancelled."""


class BadJob(Refusal):
    """The request for a job has an unknown kind or wrong arguments."""

    code = "bad-job"


class BadExport(Refusal):
    """The request for an export (a job that puts many uploads into one file) has wrong JSON members or values."""

    code = "bad-export"


class JobNotFound(Refusal):
    """There is no such job, or it belongs to another owner."""

    code = "not-found"

    def __init__(self) -> None:
        super().__init__("there is no such job")


class JobEnded(Refusal):
    """The job has ended, and so can't be cancelled."""

    code = "job-ended"

    def __init__(self) -> None:
        super().__init__("the job has ended: there is nothing to cancel")


class NotFinished(Refusal):
    """The upload that the job is to work on isn't finished."""

    code = "not-finished"

    def __init__(self) -> None:
        super().__init__("the upload is not finished: ask again once it is")
