"""The calls that a locker for many processes (`SharedLocker`) makes to the store of its leases, their times, and the
messages between lockers in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack

import pytest
from redis.exceptions import RedisError

from tests.support.uploads import upload
from tusd_py.backends.lease import TimedLease
from tusd_py.backends.leased_locks import SharedLocker
from tusd_py.backends.redis import locks as by_redis
from tusd_py.backends.redis.locks import RedisLocker
from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.upload_id import UploadId

ID, OTHER = upload().id, UploadId("f" * 32)


class Place(SharedLocker):
    """A locker that grants every lease at once, or raises StateUnavailable while `away` is set; it counts renewals and
    keeps, for each lease that is dropped from its store (`SharedLocker._drop`), if it counted as abandoned. Tests can
    hold up its answers to a renewal (`renewed`) and to a look for release requests (`answers`)."""

    retry_seconds = 0.01

    def __init__(self, ttl: float) -> None:
        super().__init__(ttl)
        self.away = False
        self.drops = list[bool]()
        self.renewals = 0
        self.renewing, self.renewed = asyncio.Event(), asyncio.Event()
        self.renewed.set()
        self.asks: Callable[[], Collection[str]] = set
        self.looks = asyncio.Semaphore(0)
        self.answers = asyncio.Event()
        self.answers.set()

    async def _take(self, lease: TimedLease, *, ask: bool) -> bool:  # noqa: ARG002
        if self.away:
            raise StateUnavailable
        return True

    async def _renew(self, leases: Sequence[TimedLease]) -> Collection[str]:
        self.renewals += 1
        self.renewing.set()
        await self.renewed.wait()
        return {lease.token for lease in leases}

    async def _drop(self, lease: TimedLease, *, abandoned: bool) -> None:  # noqa: ARG002
        self.drops.append(abandoned)

    async def _release_requests(self) -> Collection[str]:
        self.looks.release()
        await self.answers.wait()
        return self.asks()

    async def abandoned(self) -> Collection[UploadId]:
        return ()


def nothing() -> None:
    """Ignore the request to release the lock."""


async def test_doubtful_lease_is_dropped() -> None:
    """A lease is dropped as abandoned if the request for it failed without an answer, as it may have been granted; a
    lease that was held is dropped as released."""
    place = Place(30)
    place.away = True
    with pytest.raises(StateUnavailable):
        async with place.hold(ID, on_release_request=nothing, wait=0):
            pytest.fail("held")
    place.away = False
    async with place.hold(ID, on_release_request=nothing, wait=0):
        pass
    assert place.drops == [True, False]
    await place.aclose()


async def test_a_place_that_falls_silent_is_asked_again() -> None:
    place, release_request = Place(30), asyncio.Event()
    async with asyncio.timeout(30), place.hold(ID, on_release_request=release_request.set, wait=0):
        place._ttl = 0.3
        place.answers.clear()
        await place.looks.acquire()
        await place.looks.acquire()
        place.asks = lambda: {lease.token for lease in place._leases.values()}
        place.answers.set()
        await release_request.wait()
    await place.aclose()


async def test_leases_are_renewed_after_a_third_of_their_ttl() -> None:
    place = Place(300)
    async with place.hold(ID, on_release_request=nothing, wait=0):
        await asyncio.sleep(0.35)  # some ticks
    assert place.renewals == 0
    await place.aclose()


async def test_release_during_renewal_spares_other_leases() -> None:
    """A holder that leaves during a renewal doesn't stop the renewal of the other leases."""
    place = Place(30)
    place.renewed.clear()
    async with asyncio.timeout(60), AsyncExitStack() as first:
        await first.enter_async_context(place.hold(ID, on_release_request=nothing, wait=0))
        async with place.hold(OTHER, on_release_request=nothing, wait=0):
            other_lease = place._leases[OTHER]
            before = other_lease._deadline
            renewal = asyncio.create_task(place._renew_all([place._leases[ID], other_lease]))
            await place.renewing.wait()
            await first.aclose()
            place.renewed.set()
            await renewal
            assert other_lease._deadline > before
    await place.aclose()


@pytest.fixture
def redis() -> RedisLocker:
    """A locker that has sent nothing to Redis yet."""
    return RedisLocker("redis://127.0.0.1:1", 30)


@pytest.mark.parametrize(
    ("word", "freed", "requested"),
    [("free {id}", True, False), ("leave {id} {holder}", False, True), ("leave {id} other", False, False)],
)
async def test_words_from_other_nodes_are_obeyed(
    redis: RedisLocker, word: str, *, freed: bool, requested: bool
) -> None:
    release_request = asyncio.Event()
    lease = redis._leases[ID] = TimedLease(ID, release_request.set)
    redis._handle({"type": "message", "data": word.format(id=ID, holder=redis._holder(lease))})
    assert (lease.freed.is_set(), release_request.is_set()) == (freed, requested)
    await redis.aclose()


async def test_a_listener_comes_back_whatever_broke_its_connection(
    redis: RedisLocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    last_attempt, errors = asyncio.Event(), [OSError, RedisError, OSError]

    def pubsub(**_: bool) -> Mapping[str, str]:
        if not errors:
            last_attempt.set()
            raise RedisError
        raise errors.pop()

    monkeypatch.setattr(redis._redis, "pubsub", pubsub)
    monkeypatch.setattr(by_redis, "_RECONNECT_SECONDS", 0.01)
    redis._listener = asyncio.create_task(redis._listen())
    async with asyncio.timeout(30):
        await last_attempt.wait()
    await redis.aclose()
