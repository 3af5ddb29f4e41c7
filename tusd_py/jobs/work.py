"""The interface between attempts at jobs and kinds of jobs: the work that a kind gets, and the kinds themselves."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from tusd_py.domain.job import Job
from tusd_py.domain.job_faults import JobVoid
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.jobs.hold import Hold

Args = Mapping[str, Any]
Result = Mapping[str, Any]

_FIRST_IDS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The work of one attempt at a job, as its kind sees it. A method that saves raises Superseded once the hold is
    lost."""

    engine: Engine
    hold: Hold

    @property
    def job(self) -> Job:
        return self.hold.job

    async def upload(self) -> Upload:
        """Return the finished upload to work on. Raises JobVoid if it has ended or expired, or the job has none, as an
        export; StateUnavailable."""
        upload_id = self.job.upload_id
        upload = None if upload_id is None else await self.engine.state.load(upload_id)
        if upload is None or not upload.done or not upload.visible(self.engine.clock()):
            raise JobVoid
        return upload

    async def read(self, upload: Upload) -> AsyncGenerator[bytes, None]:
        """Yield all bytes of the upload and report the progress to the hold. Raises UploadLost, StorageUnavailable."""
        done = 0
        self.hold.report(0, upload.offset)
        async with aclosing(self.engine.storage.read(upload, Span(0, upload.offset))) as chunks:
            async for chunk in chunks:
                yield chunk
                done += len(chunk)
                self.hold.report(done, upload.offset)

    async def ids(self) -> AsyncGenerator[UploadId, None]:
        """Yield new ids, without end, for the uploads that the job makes. Each is recorded in the job
        (`Job.product_ids`) before it is yielded, so that each upload of a failed attempt can be removed. Raises
        Superseded."""
        count = _FIRST_IDS
        while True:
            fresh = tuple(self.engine.new_id() for _ in range(count))
            await self.hold.update(partial(_adding, fresh))
            for upload_id in fresh:
                yield upload_id
            count *= 2


def _adding(fresh: tuple[UploadId, ...], job: Job) -> Job:
    return replace(job, product_ids=(*job.product_ids, *fresh))


class Kind(Protocol):
    """A kind of job. All jobs of the kind share it, so that it keeps nothing of one job."""

    def check(self, args: Args) -> Args:
        """Check the arguments of a request for such a job, and return them with their defaults, except those that
        depend on the upload (the key of `copy`). Raises BadJob."""

    async def run(self, work: Work) -> Result:
        """Do the job and return its result, the members of a JSON object. The call is cancelled when the attempt is
        stopped: by its timeout, a shutdown, the job's cancellation, or the loss of the hold.

        Raises JobFault; JobVoid (the upload has ended or expired); UploadLost, Refusal, Locked, Superseded, Unavailable
        (of the upload or of those that the job makes).
        """

    async def begin(self, engine: Engine, job: Job) -> None:
        """Announce a stored job, which another process may run, or have run, by now: the kind `scan` records the
        verdict `pending` on the finished upload, unless the job has a result or has ended. Called again if the job is
        submitted again. Raises Locked, Superseded, StateUnavailable."""

    async def give_up(self, engine: Engine, job: Job) -> None:
        """Clear up after a job that is recorded as failed or cancelled: the kind `scan` replaces the verdict `pending`
        on the upload by `failed`, or removes it if the job is cancelled. A call that raises is repeated later; a call
        that returns may be repeated, too. Raises Locked, Superseded, StateUnavailable."""


class PlainKind:
    """The base of kinds that have nothing to do when a job begins, fails or is cancelled."""

    async def begin(self, engine: Engine, job: Job) -> None:
        """Do nothing."""

    async def give_up(self, engine: Engine, job: Job) -> None:
        """Do nothing."""


Kinds = Mapping[str, Kind]
