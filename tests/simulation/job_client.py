"""A client of jobs and exports that repeats each request until a node answers."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from tests.simulation.client import GIVE_UP, PATIENCE
from tests.simulation.crew import ENDPOINT
from tests.simulation.network import at_once
from tests.simulation.world import FORESEEN, Violation, World
from tusd_py.domain.job import EXPORT, Job, JobId
from tusd_py.domain.job_faults import JobEnded, JobNotFound
from tusd_py.domain.refusals import UploadNotFound
from tusd_py.domain.rights import Watcher
from tusd_py.domain.upload_id import UploadId
from tusd_py.jobs.service import JobService
from tusd_py.protocol.export_request import read_export

T = TypeVar("T")
_ALL = Watcher(sees_all=True)


class JobClient:
    """A client of jobs that sends its requests to one node, and to the other one after each failure."""

    def __init__(self, world: World, at: int = 0) -> None:
        self.world, self._at = world, at

    async def submit(self, upload_id: UploadId, kind: str, args: Mapping[str, Any]) -> JobId | None:
        """Ask for a job on the upload, as POST /jobs does, until a node accepts it. Return the job's id; None if a node
        answers that there is no such upload. Raises Violation after 600 s, also of other refusals."""

        async def submitted(service: JobService) -> Job:
            checked = service.kind(kind).check(args)
            await service.check_upload(upload_id, _ALL)
            return await service.submit(self._job(kind, checked, upload_id))

        try:
            return await self._tell(submitted)
        except UploadNotFound:
            return None

    async def export(self, ids: Sequence[UploadId] | None, form: str) -> JobId:
        """Ask for an export of the uploads `ids`, or of all for None, as POST /exports does, until a node accepts it.
        `form` is the export's format, as `zip`. Return the job's id. Raises Violation after 600 s, also of refusals."""
        chosen: Mapping[str, object] = {"filter": {}} if ids is None else {"ids": ids}
        args = read_export(json.dumps({"format": form, **chosen}).encode())
        due_members = self.world.complete.copy() if ids is None else set()
        job_id = await self._tell(lambda service: service.submit(self._job(EXPORT, args, None)))
        self.world.ledger.due_members[job_id] = due_members
        return job_id

    async def cancel(self, job_id: JobId) -> None:
        """Cancel the job, as DELETE /jobs/{id} does, until a node answers; a job that is unknown or has ended is no
        error. Raises Violation after 600 s."""

        async def cancelled(service: JobService) -> bool:
            try:
                await service.cancel(await service.job(job_id, _ALL), _ALL)
            except (JobEnded, JobNotFound):
                return False
            return True

        self.world.ledger.unwanted.add(job_id)
        if await self._insist(cancelled):
            self.world.ledger.cancelled.add(job_id)

    async def ended(self, job_id: JobId) -> Job:
        """Return the job, as the store has it, once it has ended; start crashed nodes again meanwhile. Raises Violation
        after 600 s."""
        give_up = self.world.loop.time() + GIVE_UP
        while self.world.loop.time() < give_up:
            job = at_once(self.world.records.jobs.load(job_id))
            if job is not None and job.ended:
                return job
            self.world.node(0)
            self.world.node(1)
            await asyncio.sleep(0.5)
        raise Violation(f"a job never ends: {at_once(self.world.records.jobs.load(job_id))}")

    def _job(self, kind: str, args: Mapping[str, Any], upload_id: UploadId | None) -> Job:
        now, job_id = self.world.now(), JobId(secrets.token_hex(16))
        self.world.ledger.requested_ids.add(job_id)
        return Job(
            id=job_id,
            upload_id=upload_id,
            kind=kind,
            args=args,
            sees_all=True,
            endpoint=ENDPOINT,
            created_at=now,
            updated_at=now,
            due_at=now,
        )

    async def _tell(self, submit: Callable[[JobService], Awaitable[Job]]) -> JobId:
        job = await self._insist(submit)
        self.world.ledger.known_ids.add(job.id)
        return job.id

    async def _insist(self, request: Callable[[JobService], Awaitable[T]]) -> T:
        give_up = self.world.loop.time() + GIVE_UP
        while self.world.loop.time() < give_up:
            node = self.world.node(self._at)
            service = node.crew.service
            task = self.world.begin(node, lambda _, service=service: request(service))  # type: ignore[misc]
            await asyncio.wait({task, node.machine.crashed}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not isinstance(task.exception(), (*FORESEEN,)):
                answer: T = task.result()
                return answer
            if task.done() and isinstance(task.exception(), UploadNotFound):
                task.result()
            self._at += 1
            await asyncio.sleep(0.5)
        raise Violation("no job can be asked for")
