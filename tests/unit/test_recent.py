"""An answer that is shared by all tasks which ask for it within some seconds (`Recent`)."""

from __future__ import annotations

import asyncio
import math

import pytest

from tusd_py import recent
from tusd_py.recent import Recent


class Source:
    """A source that answers with the number of calls so far, failed and cancelled ones too, once `may_answer` is set,
    as it is at first; with `fails`, it raises RuntimeError then. Asserts that no two calls run at a time."""

    def __init__(self) -> None:
        self.calls, self.side_by_side = 0, 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.fails = False

    async def ask(self) -> int:
        self.calls += 1
        self.side_by_side += 1
        assert self.side_by_side == 1
        try:
            await asyncio.sleep(0)
            await self.may_answer.wait()
        finally:
            self.side_by_side -= 1
        if self.fails:
            raise RuntimeError("as told")
        return self.calls


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of `recent`: a list whose only item tests set, in seconds."""
    clock = [100.0]
    monkeypatch.setattr(recent, "_now", lambda: clock[0])
    return clock


async def test_an_answer_is_kept_until_it_is_so_old(now: list[float]) -> None:
    answers = Recent(Source().ask, 2.0)
    for at, expected in ((100.0, 1), (101.9, 1), (102.0, 2), (103.9, 2), (104.0, 3)):
        now[0] = at
        assert await answers.get() == expected


async def test_an_answer_is_as_old_as_it_was_when_it_came(now: list[float]) -> None:
    """All tasks that waited for an answer get it, though it took longer than answers are kept."""
    source = Source()
    answers = Recent(source.ask, 2.0)
    source.may_answer.clear()
    asking = [asyncio.create_task(answers.get()) for _ in range(100)]
    await asyncio.sleep(0.01)
    now[0] = 200.0
    source.may_answer.set()
    assert {await task for task in asking} == {1}
    assert source.calls == 1


async def test_zero_lifetime_asks_serially_each_time() -> None:
    source = Source()
    answers = Recent(source.ask, 0.0)
    assert sorted(await asyncio.gather(*(answers.get() for _ in range(5)))) == [1, 2, 3, 4, 5]


async def test_a_failure_is_no_answer() -> None:
    source = Source()
    answers = Recent(source.ask, math.inf)
    source.fails = True
    for _ in range(2):
        with pytest.raises(RuntimeError, match="as told"):
            await answers.get()
    source.fails = False
    assert [await answers.get(), await answers.get()] == [3, 3]


async def test_cancelled_caller_spares_the_others() -> None:
    source = Source()
    answers = Recent(source.ask, math.inf)
    source.may_answer.clear()
    leaving, staying = [asyncio.create_task(answers.get()) for _ in range(2)]
    await asyncio.sleep(0.01)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    source.may_answer.set()
    assert await staying == 2
