"""The stream of one job's states: when it loads the record, and when it ends."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast
from unittest.mock import patch

from tests.support.jobs import job
from tusd_py.backends.memory.jobs import MemoryJobs
from tusd_py.backends.memory.outbox import MemoryOutbox
from tusd_py.domain.job import Job
from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.http.context import Context
from tusd_py.http.handlers.job_stream import FORMATS, _Teller

LINES = FORMATS["application/x-ndjson"]


class Silent:
    """A response's body that keeps what is sent to it, and always says that nothing was sent for 2 s: the next state of
    the job needn't wait."""

    silence = 2.0
    connected = True

    def __init__(self) -> None:
        self.states = list[bytes]()

    async def send(self, data: bytes) -> None:
        self.states.append(data)


def teller_of(store: MemoryJobs, of: Job, body: Silent) -> _Teller:
    engine, concurrency = SimpleNamespace(state=SimpleNamespace(jobs=store)), SimpleNamespace(closed=False)
    context = SimpleNamespace(engine=engine, concurrency=concurrency, heartbeat=15.0)
    return _Teller(cast("Context", context), of, LINES, cast("BodyStream", body))


async def test_a_job_that_stays_the_same_is_not_loaded() -> None:
    store, body = MemoryJobs(MemoryOutbox()), Silent()
    teller = teller_of(store, await store.create(job()), body)
    await teller._tell()
    with (
        patch.object(store, "load", wraps=store.load) as loading,
        patch.object(store, "revision", return_value=teller.job.revision),
    ):
        assert [await teller._look() for _ in range(3)] == [True] * 3
    assert loading.await_count == 0
    assert len(body.states) == 1


async def test_one_that_has_changed_is_told() -> None:
    store, body = MemoryJobs(MemoryOutbox()), Silent()
    created = await store.create(job())
    teller = teller_of(store, created, body)
    await teller._tell()
    await store.save(replace(created, done=5))
    assert await teller._look()
    assert (teller.job.done, len(body.states)) == (5, 2)


async def test_one_that_is_gone_ends_the_stream() -> None:
    store, body = MemoryJobs(MemoryOutbox()), Silent()
    assert not await teller_of(store, job(), body)._look()
    assert body.states == []


async def test_a_client_that_has_left_ends_the_stream() -> None:
    """The stream of a running job whose client is gone from the start sends the state of the job that it was opened
    with, and ends without asking the store if the job has changed."""
    store, body = MemoryJobs(MemoryOutbox()), Silent()
    teller = teller_of(store, await store.create(job()), body)
    body.connected = False
    await teller.run()
    assert len(body.states) == 1
