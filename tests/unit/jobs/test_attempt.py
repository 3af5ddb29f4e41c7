"""An attempt whose node can't renew its hold: its work ends in time."""

from __future__ import annotations

import asyncio
import time
from typing import cast

import pytest

from tests.support.jobs import job
from tusd_py.domain import job_life
from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.job import Job, JobId
from tusd_py.engine.engine import Engine
from tusd_py.jobs.attempt import Attempt, Terms
from tusd_py.jobs.hold import Hold, Tenure
from tusd_py.jobs.work import Args, PlainKind, Result, Work

TTL = 0.3


class Endless(PlainKind):
    """A kind of job whose work goes on until it is stopped."""

    def __init__(self) -> None:
        self.at_work = False

    def check(self, args: Args) -> Args:
        return args

    async def run(self, work: Work) -> Result:
        del work
        self.at_work = True
        try:
            return await asyncio.Future()
        finally:
            self.at_work = False


class CutOff:
    """A store whose answers take longer than the hold, and are errors. It notes if the job was worked on at each
    load."""

    def __init__(self, kind: Endless) -> None:
        self._kind = kind
        self.loads = list[bool]()

    async def save(self, planned: Job) -> Job:
        return await self._fail(planned.id)

    async def load(self, job_id: JobId) -> Job | None:
        self.loads.append(self._kind.at_work)
        return await self._fail(job_id)

    async def _fail(self, job_id: JobId) -> Job:
        await asyncio.sleep(2 * TTL)
        raise StateUnavailable(job_id)


async def test_a_lost_hold_ends_the_work_before_the_state_answers() -> None:
    """An attempt whose store answers too late ends its work before its last load of the record: another node may claim
    the job once the hold has ended."""
    kind = Endless()
    store = CutOff(kind)
    running = job_life.claim(job(), time.time(), TTL)
    tenure = Tenure(store=store, clock=time.time, ttl=TTL)  # type: ignore[arg-type]  # enough of it
    hold = Hold(tenure, running, asyncio.get_running_loop().time())
    attempt = Attempt(cast(Engine, None), kind, hold, Terms(seconds=60.0, attempts=3))
    with pytest.raises(StateUnavailable):
        await attempt.run()
    assert store.loads
    assert not store.loads[-1]
