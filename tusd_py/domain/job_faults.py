"""The reasons why an attempt at a job fails, and the refusals of requests for jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tusd_py.domain.refusals import Refusal


class JobFault(Exception):
    """An attempt at a job failed, and so will each further one. The message is for the job's owner, and tells no path
    and no secret."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code, self.message, self._details = code, message, details

    @property
    def error(self) -> Mapping[str, Any]:
        """The members of the job's `error`."""
        return {"code": self.code, "message": self.message, **self._details}


class PassingFault(JobFault):
    """An attempt failed for a reason that may pass."""


class JobVoid(Exception):
    """The upload of a job has ended: the job is cancelled."""


class BadJob(Refusal):
    """The request names no job that can be done."""

    code = "bad-job"


class BadExport(Refusal):
    """The request names no export that can be made."""

    code = "bad-export"


class JobNotFound(Refusal):
    """There is no such job, or it belongs to another owner."""

    code = "not-found"

    def __init__(self) -> None:
        super().__init__("there is no such job")


class JobEnded(Refusal):
    """The job has ended."""

    code = "job-ended"

    def __init__(self) -> None:
        super().__init__("the job has ended: there is nothing to cancel")


class NotFinished(Refusal):
    """The upload that the job is to work on isn't done."""

    code = "not-finished"

    def __init__(self) -> None:
        super().__init__("the upload is not finished: ask again once it is")
