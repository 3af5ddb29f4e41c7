"""The rate of each client's actions."""

from __future__ import annotations

import pytest

from tusd_py.domain.refusals import TooManyRequests
from tusd_py.engine import rate_limiter
from tusd_py.engine.rate_limiter import RateLimiter

SECOND = 1_000_000_000


class World:
    """A rate limiter whose clock is set by hand."""

    def __init__(self, count: int, seconds: int) -> None:
        self.now = 0.0
        self.rate_limiter = RateLimiter((count, seconds), lambda: int(self.now * SECOND))

    def turns(self, client: str, tries: int) -> int:
        """Try `tries` actions of the client at once; return the number of those that the limiter lets through."""
        return sum(self.wait(client) is None for _ in range(tries))

    def wait(self, client: str) -> int | None:
        """Try one action of the client; return None if the limiter lets it through, else the seconds that the client is
        told to wait."""
        try:
            self.rate_limiter.check(client)
        except TooManyRequests as refusal:
            return refusal.retry_after
        return None


def test_a_client_has_its_turns_at_once_and_then_one_by_one() -> None:
    world = World(60, 60)
    assert world.turns("a", 100) == 60
    world.now += 0.9
    assert world.turns("a", 5) == 0
    world.now += 0.1
    assert world.turns("a", 5) == 1
    world.now += 30
    assert world.turns("a", 100) == 30
    world.now += 1000
    assert world.turns("a", 100) == 60, "what wasn't used doesn't add up"


@pytest.mark.parametrize(("count", "seconds"), [(1, 1), (3, 1), (7, 60), (999_983, 3600)])
def test_no_turn_is_lost_to_rounding(count: int, seconds: int) -> None:
    world = World(count, seconds)
    assert world.turns("a", count) == count
    assert world.wait("a") is not None
    world.now += seconds
    assert world.turns("a", count) == count


def test_the_next_turn_is_told_in_whole_seconds_and_is_one() -> None:
    world = World(4, 3600)
    world.turns("a", 4)
    wait = world.wait("a")
    assert wait == 900
    world.now += wait - 1
    assert world.wait("a") == 1
    world.now += 1
    assert world.wait("a") is None


def test_a_wait_is_never_told_shorter_than_it_is() -> None:
    world = World(7, 60)
    world.turns("a", 7)
    world.now += 0.1
    assert world.wait("a") == 9
    world.now += 9
    assert world.wait("a") is None


def test_who_is_refused_waits_no_longer_for_having_asked() -> None:
    world = World(1, 60)
    world.turns("a", 100)
    world.now += 60
    assert world.wait("a") is None


def test_clients_have_turns_of_their_own() -> None:
    world = World(2, 60)
    assert [world.turns(client, 3) for client in "abc"] == [2, 2, 2]


def test_without_a_rate_there_is_no_end_and_nobody_is_remembered() -> None:
    free = RateLimiter(None)
    for _ in range(1000):
        free.check("a")
    assert not free._due


def test_a_client_is_forgotten_once_it_has_all_its_turns_again() -> None:
    world = World(10, 60)
    for number in range(100):
        world.wait(str(number))
    assert len(world.rate_limiter._due) == 100
    world.now += 6
    world.wait("later")
    assert list(world.rate_limiter._due) == ["later"]


def test_limiter_keeps_the_latest_clients_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rate_limiter, "_MAX_CLIENTS", 100)
    world = World(1, 3600)
    world.wait("first")
    for number in range(1000):
        assert world.wait(str(number)) is None
        assert len(world.rate_limiter._due) <= 100
    assert world.wait("999") is not None
    assert world.wait("first") is None


def test_returning_client_is_remembered_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limiter, once it remembers too many clients, forgets the one whose last action is the oldest: a client that
    acted again stays longer than one that acted only once, in between."""
    monkeypatch.setattr(rate_limiter, "_MAX_CLIENTS", 2)
    world = World(2, 3600)
    for client in "abac":
        world.wait(client)
    assert list(world.rate_limiter._due) == ["a", "c"]
