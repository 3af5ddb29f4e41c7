"""Records of jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.uploads import upload
from tusd_py.domain.job import Job, JobId, JobPhase
from tusd_py.ports.state import StateStore


def job(number: int = 1, **changes: Any) -> Job:
    """Return a queued job of the kind `checksum` on the upload with id 1, with `changes`: its id is `number` in hex,
    and its times are 1 second after the epoch."""
    planned = Job(
        id=JobId(f"{number:032x}"), upload_id=upload().id, kind="checksum", created_at=1.0, updated_at=1.0, due_at=1.0
    )
    return replace(planned, **changes)


def ended(of: Job, at: float, phase: JobPhase = JobPhase.DONE) -> Job:
    return replace(of, phase=phase, updated_at=at, due_at=None)


async def ended_job(state: StateStore, of: Job, at: float = 7.0, phase: JobPhase = JobPhase.DONE) -> Job:
    """Store the job, then its end, and return it as recorded."""
    return await state.jobs.save(ended(await state.jobs.create(of), at, phase))
