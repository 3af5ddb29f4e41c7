"""The jobs that a caller is shown, even if the store selects those of others, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast
from unittest.mock import patch

import pytest

from tests.support.jobs import ended, job
from tusd_py.backends.memory.jobs import MemoryJobs
from tusd_py.backends.memory.outbox import MemoryOutbox
from tusd_py.domain.job import Job, JobId, JobPlace
from tusd_py.domain.rights import Watcher
from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.http.context import Context
from tusd_py.http.dashboard.board import Board, Viewer
from tusd_py.http.dashboard.items import Forms
from tusd_py.http.handlers.job_list import _jobs, _Query
from tusd_py.ports.jobs import JobSelection

BOB = Watcher("bob", "acme")
OWNERS = [("acme/bob", None), ("bob", "acme"), (None, None), ("bob", "acme"), ("bob", None)]
_ENDED = 12
ALL = _Query(watcher=Watcher(sees_all=True), selection=JobSelection(), since=None, limit=None)
OF_BOB = [job(1).id, job(3).id]


class Careless(MemoryJobs):
    """A store whose lists ignore all of the selection but the phases, so also the account."""

    async def list(
        self, selection: JobSelection, after: JobPlace | None, limit: int, size: int = DEFAULT.page_size
    ) -> Sequence[Job]:
        return await super().list(JobSelection(phases=selection.phases), after, limit, size)


@pytest.fixture
async def store() -> Careless:
    careless = Careless(MemoryOutbox())
    for number, (owner, tenant) in enumerate(OWNERS):
        await careless.create(job(number, owner=owner, tenant=tenant))
    return careless


@pytest.mark.parametrize(("limit", "expected"), [(None, OF_BOB), (2, OF_BOB), (1, OF_BOB[:1]), (0, [])])
async def test_a_list_has_no_jobs_of_others(store: Careless, limit: int | None, expected: list[JobId]) -> None:
    """A list whose store returns others' jobs too has only the caller's, up to its limit of these."""
    query = _Query(watcher=BOB, selection=JobSelection(account=BOB.account), since=None, limit=limit)
    assert [listed.id async for listed in _jobs(query, store)] == expected


@pytest.fixture
async def thirty() -> MemoryJobs:
    """A store of thirty jobs, of which the first twelve have ended."""
    store = MemoryJobs(MemoryOutbox())
    for number in range(30):
        planned = job(number, created_at=float(number), due_at=None)
        await (store.create(planned) if number >= _ENDED else store.create(ended(planned, 1.0)))
    return store


async def test_a_list_goes_on_while_old_jobs_are_removed(thirty: MemoryJobs) -> None:
    ids = list[JobId]()
    async for listed in _jobs(ALL, thirty):
        ids.append(listed.id)
        if len(ids) == _ENDED // 2:
            assert await thirty.prune(2.0, 100) == _ENDED
    assert ids[-18:] == [job(number).id for number in range(_ENDED, 30)]


async def test_a_list_after_a_removed_job_begins_with_the_oldest(thirty: MemoryJobs) -> None:
    await thirty.prune(2.0, 100)
    query = replace(ALL, since=job(3).id)
    assert [listed.id async for listed in _jobs(query, thirty)] == [job(number).id for number in range(_ENDED, 30)]


async def test_a_list_is_read_in_pages_of_its_size(thirty: MemoryJobs) -> None:
    with patch.object(thirty, "list", wraps=thirty.list) as reading:
        assert len([listed async for listed in _jobs(ALL, thirty, 1)]) == 30
    assert reading.await_count == 31


def board_of(store: MemoryJobs, watcher: Watcher, page_size: int = DEFAULT.page_size) -> Board:
    tokens = {"terminate": "t", "cancel": "c"}
    forms = Forms(page="/dashboard", tokens=tokens, terminates=True, cancels=True, cancels_required=True)
    viewer = Viewer(watcher=watcher, forms=forms, endpoint="https://host/files/", nonce="n")
    engine = SimpleNamespace(state=SimpleNamespace(jobs=store), thresholds=Thresholds(page_size=page_size))
    return Board(cast("Context", SimpleNamespace(engine=engine)), viewer, cast("BodyStream", None))


async def looked_at(board: Board) -> list[str]:
    return [item.key async for item in board._job_items()]


async def end(store: MemoryJobs, number: int) -> None:
    """End the job of this number, at the time 2."""
    running = await store.load(job(number).id)
    assert running is not None
    await store.save(ended(running, 2.0))


def keys(*numbers: int) -> list[str]:
    return [f"j-{job(number).id}" for number in numbers]


async def test_a_dashboard_has_no_jobs_of_others(store: Careless) -> None:
    assert await looked_at(board_of(store, BOB)) == keys(1, 3)


async def test_a_dashboard_shows_jobs_that_have_ended_once(store: Careless) -> None:
    board = board_of(store, BOB)
    await looked_at(board)
    await end(store, 1)
    assert await looked_at(board) == keys(3, 1)
    assert await looked_at(board) == keys(3)


async def test_a_dashboard_hides_jobs_that_are_removed(store: Careless) -> None:
    """A job whose record is gone before the board has seen its end is hidden once, and then asked for no more."""
    board = board_of(store, BOB)
    await looked_at(board)
    await end(store, 1)
    await store.prune(3.0, 10)
    items = [item async for item in board._job_items()]
    assert [(item.key, item.element is None) for item in items][-1] == (*keys(1), True)
    assert await looked_at(board) == keys(3)


async def test_a_dashboard_reads_large_jobs_in_turns(store: Careless) -> None:
    board = board_of(store, Watcher(sees_all=True), page_size=1)
    assert await looked_at(board) == keys(0, 1, 2, 3)
    await end(store, 3)
    assert await looked_at(board) == keys(4)
    assert await looked_at(board) == keys(0, 1, 2, 4)
    assert await looked_at(board) == keys(3)
