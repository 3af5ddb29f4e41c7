"""New bytes and new uploads need free space, as it was last measured; nothing else does."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.intents import Completion
from tusd_py.domain.refusals import OffsetMismatch, StoreFull
from tusd_py.domain.space import Space
from tusd_py.domain.thresholds import Thresholds
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.free_space import FreeSpace
from tusd_py.engine.lookup import inspect
from tusd_py.engine.terminate import terminate
from tusd_py.ports.body import BodyEnd
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer


class Seen(Observer, Meter):
    """An observer and meter for `FreeSpace`, which measures stores and reports full ones: `troubles` has each report
    and its store, `spaces` the last free bytes of each store, and if it was full."""

    def __init__(self) -> None:
        self.troubles = list[tuple[str, object]]()
        self.spaces = dict[str, tuple[float, bool]]()

    def trouble(self, message: str, **fields: object) -> None:
        self.troubles.append((message, fields["store"]))

    def space_seen(self, store: str, free: float, *, full: bool) -> None:
        self.spaces[store] = (free, full)


class World:
    """A `FreeSpace`, which measures stores and reports full ones, with one store: a test sets its free bytes, and its
    reserve is 100 bytes."""

    def __init__(self) -> None:
        self.free_space, self.observer = FreeSpace(), Seen()
        self._space: Space | None = None

    async def look(self, free: int | None) -> None:
        self._space = None if free is None else Space(free=free, reserve=100)
        await self.free_space.measure({"state": self._ask}, self.observer, self.observer)

    async def _ask(self) -> Space | None:
        return self._space


async def test_below_the_reserve_it_is_full_and_well_above_it_no_more() -> None:
    world = World()
    for free, full in ((100, False), (99, True), (110, True), (125, False), (99, True)):
        await world.look(free)
        assert bool(world.free_space.full) is full, free
        assert world.observer.spaces == {"state": (free, full)}
    with pytest.raises(StoreFull):
        world.free_space.check()


async def test_each_space_change_is_reported_once() -> None:
    """A store is reported once as almost full, below twice its reserve, and once as full, below its reserve; then once
    as each ends, at 1.25 times that number of bytes."""
    world = World()
    for free in (1000, 199, 150, 99, 50, 150, 240, 260, 300):
        await world.look(free)
    assert [trouble for trouble, _ in world.observer.troubles] == [
        "store almost full",
        "store full",
        "store takes uploads again",
        "store has room again",
    ]


async def test_where_no_end_is_known_it_is_never_full() -> None:
    world = World()
    await world.look(0)
    await world.look(None)
    world.free_space.check()
    assert world.observer.spaces == {"state": (math.inf, False)}


async def test_a_store_that_cannot_be_asked_stays_as_it_was() -> None:
    world = World()
    await world.look(0)

    async def away() -> Space | None:
        raise StateUnavailable

    await world.free_space.measure({"state": away}, world.observer, world.observer)
    assert world.free_space.full == {"state"}


async def begin_upload(harness: Harness, length: int | None = 6) -> Upload:
    return await create(harness.engine, creating(length, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))


async def test_a_full_store_refuses_before_the_body(harness: Harness) -> None:
    """While a store is full, creations and appends raise StoreFull before their bodies are read; HEAD still works."""
    upload = await begin_upload(harness)
    harness.engine.free_space.full.add("storage")
    residue, body = await harness.residue(), ScriptedBody(b"def")
    with pytest.raises(StoreFull):
        await create(harness.engine, creating(6, body=True), body)
    with pytest.raises(StoreFull):
        await append(harness.engine, upload.id, appending(3), body)
    assert not body.continued
    assert await harness.residue() == residue
    assert await inspect(harness.engine, upload.id) == upload


async def test_what_is_wrong_with_a_request_is_told_first(harness: Harness) -> None:
    upload = await begin_upload(harness)
    harness.engine.free_space.full.add("storage")
    with pytest.raises(OffsetMismatch):
        await append(harness.engine, upload.id, appending(1), ScriptedBody(b"x"))


async def test_a_complete_body_finishes_on_a_full_store(harness: Harness) -> None:
    """An upload whose bytes are all stored is completed without free space."""
    upload = await begin_upload(harness, None)
    harness.engine.free_space.full.add("storage")
    intent = replace(appending(3, size=0), completion=Completion.WITH_THIS)
    assert (await append(harness.engine, upload.id, intent, ScriptedBody())).done


async def test_termination_and_expiry_need_no_room(harness: Harness) -> None:
    first, _ = await begin_upload(harness), await begin_upload(harness)
    harness.engine.free_space.full.update({"state", "storage"})
    await terminate(harness.engine, first.id)
    harness.now += 100
    assert await sweep(harness.engine) == 1
    assert await harness.residue() == []


async def test_one_undeletable_upload_blocks_no_other(harness: Harness) -> None:
    """An upload whose record the state store fails to save doesn't keep others from removal."""
    stuck = {(await begin_upload(harness)).id for _ in range(150)}
    harness.now += 1
    deletable = [await begin_upload(harness) for _ in range(3)]
    save = harness.state.save

    async def picky(upload: Upload, *added: Any, **terms: Any) -> Upload:
        if upload.id in stuck:
            raise StateUnavailable
        return await save(upload, *added, **terms)

    harness.state.save = picky  # type: ignore[method-assign]
    harness.now += 100
    assert await sweep(harness.engine) == len(deletable)
    assert set(map(UploadId, await harness.residue())) == stuck


async def test_a_sweep_ends_where_nothing_gets_through_to_the_state(harness: Harness) -> None:
    for _ in range(20):
        await begin_upload(harness)
    harness.engine = replace(harness.engine, thresholds=Thresholds(due_at_a_time=4))
    requests = 0

    async def away(*_: object, **__: object) -> Upload:
        nonlocal requests
        requests += 1
        raise StateUnavailable

    harness.state.save = away  # type: ignore[method-assign]
    harness.state.ping = away  # type: ignore[method-assign,assignment]
    harness.now += 100
    with pytest.raises(StateUnavailable):
        await sweep(harness.engine)
    assert requests <= 4 + 1
