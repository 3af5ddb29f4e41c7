from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.deliveries import NOON, delivery
from tusd_py.events_out.schedule import Schedule


def schedule(*pauses: float) -> Schedule:
    return Schedule(pauses=pauses, lease=60.0, dice=lambda _, high: high)


def test_the_first_attempt_is_at_once_without_a_first_pause() -> None:
    assert schedule(0.0, 5.0).first(delivery()) is None


def test_a_first_pause_is_kept_once() -> None:
    later = schedule(5.0).first(delivery())
    assert later == NOON + 6.0
    assert schedule(5.0).first(replace(delivery(), due_at=later)) is None
    assert schedule(5.0).first(replace(delivery(), attempts=1)) is None


@pytest.mark.parametrize(("attempts", "pause"), [(0, 12.0), (1, 24.0), (2, None)])
def test_there_are_as_many_attempts_as_pauses(attempts: int, pause: float | None) -> None:
    due_at = schedule(0.0, 10.0, 20.0).following(replace(delivery(), attempts=attempts), NOON, None)
    assert due_at == (None if pause is None else NOON + pause)


def test_a_receiver_may_ask_for_a_longer_pause_only() -> None:
    assert schedule(0.0, 10.0).following(delivery(), NOON, 30.0) == NOON + 30.0
    assert schedule(0.0, 10.0).following(delivery(), NOON, 1.0) == NOON + 12.0


def test_pauses_are_spread_by_a_fifth() -> None:
    drawn = [Schedule(pauses=(0.0, 100.0), lease=60.0).following(delivery(), 0.0, None) for _ in range(500)]
    assert all(due_at is not None and 80.0 <= due_at <= 120.0 for due_at in drawn)
    assert min(filter(None, drawn)) < 90.0
    assert max(filter(None, drawn)) > 110.0
