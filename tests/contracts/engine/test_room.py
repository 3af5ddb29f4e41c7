"""New bytes and new uploads need room, as of the last look; nothing else does."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.lookup import inspect
from tusd_py.engine.room import Room
from tusd_py.engine.sweep import sweep
from tusd_py.engine.terminate import terminate
from tusd_py.errors import StateUnavailable
from tusd_py.events import Meter, Observer
from tusd_py.model import Upload, UploadId
from tusd_py.pipeline.body import BodyEnd
from tusd_py.protocol.intents import Completion
from tusd_py.protocol.refusals import OffsetMismatch, StoreFull
from tusd_py.space import Space
from tusd_py.thresholds import Thresholds


class Seen(Observer, Meter):
    """What a room told."""

    def __init__(self) -> None:
        self.troubles = list[tuple[str, object]]()
        self.spaces = dict[str, tuple[float, bool]]()

    def trouble(self, what: str, **fields: object) -> None:
        self.troubles.append((what, fields["store"]))

    def space_seen(self, store: str, free: float, *, full: bool) -> None:
        self.spaces[store] = (free, full)


class World:
    """A room with one store, and what is free there; its reserve is 100 bytes."""

    def __init__(self) -> None:
        self.room, self.seen = Room(), Seen()
        self._space: Space | None = None

    async def look(self, free: int | None) -> None:
        self._space = None if free is None else Space(free=free, reserve=100)
        await self.room.look({"state": self._ask}, self.seen, self.seen)

    async def _ask(self) -> Space | None:
        return self._space


async def test_below_the_reserve_it_is_full_and_well_above_it_no_more() -> None:
    world = World()
    for free, full in ((100, False), (99, True), (110, True), (125, False), (99, True)):
        await world.look(free)
        assert bool(world.room.full) is full, free
        assert world.seen.spaces == {"state": (free, full)}
    with pytest.raises(StoreFull):
        world.room.check()


async def test_each_change_is_told_once_and_the_first_before_anything_is_refused() -> None:
    world = World()
    for free in (1000, 199, 150, 99, 50, 150, 240, 260, 300):
        await world.look(free)
    assert [what for what, _ in world.seen.troubles] == [
        "store almost full",
        "store full",
        "store takes uploads again",
        "store has room again",
    ]


async def test_where_no_end_is_known_it_is_never_full() -> None:
    world = World()
    await world.look(0)
    await world.look(None)
    world.room.check()
    assert world.seen.spaces == {"state": (math.inf, False)}


async def test_a_store_that_cannot_be_asked_stays_as_it_was() -> None:
    world = World()
    await world.look(0)

    async def away() -> Space | None:
        raise StateUnavailable

    await world.room.look({"state": away}, world.seen, world.seen)
    assert world.room.full == {"state"}


async def begun(engine: Engine, length: int | None = 6) -> Upload:
    return await create(engine.ports, creating(length, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))


async def test_a_full_store_refuses_creations_and_bodies_before_they_are_asked_for(engine: Engine) -> None:
    upload = await begun(engine)
    engine.ports.room.full.add("storage")
    residue, body = await engine.residue(), ScriptedBody(b"def")
    with pytest.raises(StoreFull):
        await create(engine.ports, creating(6, body=True), body)
    with pytest.raises(StoreFull):
        await append(engine.ports, upload.id, appending(3), body)
    assert not body.asked
    assert await engine.residue() == residue
    assert await inspect(engine.ports, upload.id) == upload


async def test_what_is_wrong_with_a_request_is_told_first(engine: Engine) -> None:
    upload = await begun(engine)
    engine.ports.room.full.add("storage")
    with pytest.raises(OffsetMismatch):
        await append(engine.ports, upload.id, appending(1), ScriptedBody(b"x"))


async def test_an_upload_whose_bytes_are_all_there_is_completed_without_room(engine: Engine) -> None:
    upload = await begun(engine, None)
    engine.ports.room.full.add("storage")
    intent = replace(appending(3, size=0), completion=Completion.WITH_THIS)
    assert (await append(engine.ports, upload.id, intent, ScriptedBody())).done


async def test_termination_and_expiry_need_no_room(engine: Engine) -> None:
    first, _ = await begun(engine), await begun(engine)
    engine.ports.room.full.update({"state", "storage"})
    await terminate(engine.ports, first.id)
    engine.now += 100
    assert await sweep(engine.ports) == 1
    assert await engine.residue() == []


async def test_an_upload_that_the_state_will_not_let_go_of_keeps_no_other(engine: Engine) -> None:
    stuck = {(await begun(engine)).id for _ in range(150)}
    engine.now += 1
    others = [await begun(engine) for _ in range(3)]
    save = engine.state.save

    async def picky(upload: Upload, *added: Any) -> Upload:
        if upload.id in stuck:
            raise StateUnavailable
        return await save(upload, *added)

    engine.state.save = picky  # type: ignore[method-assign,assignment]
    engine.now += 100
    assert await sweep(engine.ports) == len(others)
    assert set(map(UploadId, await engine.residue())) == stuck


async def test_a_sweep_ends_where_nothing_gets_through_to_the_state(engine: Engine) -> None:
    for _ in range(20):
        await begun(engine)
    engine.ports = replace(engine.ports, thresholds=Thresholds(due_at_a_time=4))
    asked = 0

    async def away(*_: object) -> Upload:
        nonlocal asked
        asked += 1
        raise StateUnavailable

    engine.state.save = away  # type: ignore[method-assign,assignment]
    engine.state.ping = away  # type: ignore[method-assign,assignment]
    engine.now += 100
    with pytest.raises(StateUnavailable):
        await sweep(engine.ports)
    assert asked <= 4 + 1
