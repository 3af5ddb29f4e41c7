"""The JSON object by which clients know a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tusd_py.domain.job import Job
from tusd_py.serving.dates import rfc3339


def job_object(job: Job) -> Mapping[str, Any]:
    """Return the members of the JSON object by which clients know the job: times as RFC 3339, the progress in bytes."""
    return {
        "id": job.id,
        "upload_id": job.upload_id,
        "kind": job.kind,
        "args": job.args,
        "phase": job.phase,
        "attempt": job.attempt,
        "progress": {"done": job.done, "total": job.total},
        "result": job.result,
        "error": job.error,
        "created": rfc3339(job.created_at),
        "updated": rfc3339(job.updated_at),
        "due_at": None if job.due_at is None else rfc3339(job.due_at),
        "revision": job.revision,
    }
