"""Turns, the calls in which listeners do their work on the event loop (`tusd_py.live.turns`): a turn comes at once or
later, each listener has one to come at most, and the loop does other work between them.
"""

from __future__ import annotations

import asyncio

import pytest

from tusd_py.live import turns as turns_module
from tusd_py.live.turns import Turns, TurnTaker


class Taker(TurnTaker):
    def __init__(self, order: list[Taker]) -> None:
        super().__init__()
        self._order = order
        self.had_turn = asyncio.Event()

    def take_turn(self) -> None:
        self._order.append(self)
        self.had_turn.set()


class Eager(Taker):
    """A listener that asks in each turn for another at once, until 1000 turns were had."""

    def __init__(self, turns: Turns, order: list[Taker]) -> None:
        super().__init__(order)
        self._turns = turns

    def take_turn(self) -> None:
        super().take_turn()
        if len(self._order) < 1000:
            self._turns.give(self)


class Failing(TurnTaker):
    def take_turn(self) -> None:
        raise ValueError


@pytest.fixture
def order() -> list[Taker]:
    return []


async def test_all_that_are_woken_have_one_turn_each_in_order(order: list[Taker]) -> None:
    turns, takers = Turns(), [Taker(order) for _ in range(200)]
    for taker in takers * 2:
        turns.give(taker)
    await turns.drain()
    assert order == takers


async def test_the_event_loop_goes_on_between_turns(order: list[Taker], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "_AT_ONCE", 10)
    turns, counts = Turns(), list[int]()
    for _ in range(50):
        turns.give(Taker(order))
    while len(order) < 50:
        await asyncio.sleep(0)
        counts.append(len(order))
    assert counts == [10, 20, 30, 40, 50]


async def test_a_turn_asked_for_in_a_turn_begins_no_second_pass(order: list[Taker]) -> None:
    turns, counts = Turns(), list[int]()
    turns.give(Eager(turns, order))
    for _ in range(10):
        await asyncio.sleep(0)
        counts.append(len(order))
    assert counts == list(range(1, 11))
    await turns.drain()
    assert len(order) == 1000


async def test_a_later_turn_comes_once_the_earliest_is_due(order: list[Taker]) -> None:
    turns, taker = Turns(), Taker(order)
    for seconds in (3600, 0.01, 7200):
        turns.give_in(seconds, taker)
    await taker.had_turn.wait()
    assert order == [taker]


async def test_a_turn_at_once_takes_the_place_of_a_later_one(order: list[Taker]) -> None:
    turns, taker, marker = Turns(), Taker(order), Taker(order)
    turns.give_in(0, taker)
    turns.give(taker)
    turns.give_in(0.2, marker)
    await marker.had_turn.wait()
    assert order == [taker, marker]


async def test_a_withdrawn_turn_does_not_come(order: list[Taker]) -> None:
    turns, taker, marker = Turns(), Taker(order), Taker(order)
    turns.give_in(0, taker)
    turns.withdraw(taker)
    turns.give_in(0.2, marker)
    await marker.had_turn.wait()
    assert order == [marker]


async def test_a_turn_that_fails_takes_no_other_with_it(order: list[Taker]) -> None:
    turns, failures = Turns(), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    turns.give(Failing())
    turns.give(Taker(order))
    await turns.drain()
    assert (len(failures), len(order)) == (1, 1)
