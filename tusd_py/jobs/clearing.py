"""The clearing up after a failed or cancelled job: its products are removed, and its kind clears up too."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from tusd_py.domain import job_life
from tusd_py.domain.errors import Locked, Superseded, Unavailable
from tusd_py.domain.events import Reason
from tusd_py.domain.job import Job
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.terminate import abandon
from tusd_py.jobs.work import Kind


async def clear_up(engine: Engine, kind: Kind, job: Job, *, final: bool = True) -> None:
    """Clear up after a failed or cancelled job that this node holds: remove the uploads that the job has made,
    have its kind clear up too (`Kind.give_up`), and record that. If a part of this isn't possible now, the job
    stays due, and a node tries again later.

    With `final` False another node may still work on the job, as it hasn't noticed the cancellation: then the job
    stays due if it has ids for uploads, as that node may yet make them.
    """
    with suppress(Locked, Superseded, Unavailable):
        remaining = await clear(engine, job.product_ids)
        await kind.give_up(engine, job)
        if not remaining and (final or not job.product_ids):
            await engine.state.jobs.save(job_life.mark_cleared(job))


async def clear(engine: Engine, upload_ids: Sequence[UploadId]) -> Sequence[UploadId]:
    """End and remove those of the uploads that haven't ended: a sweep removes later what the storage can't
    remove now. Return those that couldn't be ended now. Raises StateUnavailable.
    """
    remaining = list[UploadId]()
    for upload_id in upload_ids:
        if await _is_there(engine, upload_id):
            await abandon(engine, upload_id, Reason.FAILED_CREATION)
            if await _is_there(engine, upload_id):
                remaining.append(upload_id)
    return remaining


async def _is_there(engine: Engine, upload_id: UploadId) -> bool:
    upload = await engine.state.load(upload_id)
    return upload is not None and upload.alive
