"""Numbers of events, by which listings go on (`tusd_py/ports/state.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.support.events import ALL, created, ended, event
from tests.support.fixtures_state import Maker
from tests.support.uploads import upload
from tusd_py.domain.errors import Superseded
from tusd_py.domain.events import EventType
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.outbox import Outbox
from tusd_py.ports.state import Numbered, StateStore

UNKNOWN = upload(99).id


async def number_of(state: StateStore, upload_id: UploadId) -> int:
    found = await state.numbered(upload_id)
    assert found is not None
    return found.seq


async def all_changed(state: StateStore, since: int = 0, limit: int = 1000) -> Sequence[Numbered]:
    found = list[Numbered]()
    while page := await state.changed(found[-1].seq if found else since, limit):
        assert len(page) <= limit
        found += page
    return found


async def test_each_event_takes_the_next_number_stored_or_not(state: StateStore) -> None:
    assert state.outbox is not None
    assert await state.outbox.last_seq() == 0
    one, other = await created(state, 1), await created(state, 2)
    assert [await number_of(state, each.id) for each in (one, other)] == [1, 2]
    await state.outbox.register([ALL])
    gone = await ended(state, one)
    assert await state.numbered(one.id) == Numbered(upload=gone, seq=3)
    assert await state.outbox.last_seq() == 3
    assert await state.numbered(UNKNOWN) is None


async def test_an_upload_has_the_number_of_its_last_event(state: StateStore, outbox: Outbox) -> None:
    made = upload()
    events = [event(made, EventType.CREATED), event(made, EventType.FINISHED)]
    stored = await state.create(made, events=events)
    assert await number_of(state, made.id) == 2
    await state.rewind(stored, [], [event(stored, EventType.ROLLED_BACK, before=7)])
    assert await number_of(state, made.id) == 3
    assert [each.seq for each in await outbox.events(0, 10)] == [1, 2, 3]


async def test_a_creation_without_an_event_takes_a_number(state: StateStore) -> None:
    made = await state.create(upload(1))
    await created(state, 2)
    assert await all_changed(state) == [
        Numbered(upload=made, seq=1),
        Numbered(upload=replace(upload(2), revision=1), seq=2),
    ]


async def test_a_save_without_an_event_moves_no_number(state: StateStore, outbox: Outbox) -> None:
    saved = await state.save(replace(await created(state), offset=5), [{"part": 1}])
    saved = await state.rewind(replace(saved, offset=2), [])
    assert await state.numbered(saved.id) == Numbered(upload=saved, seq=1)
    assert await outbox.last_seq() == 1


async def test_an_event_that_was_stored_before_takes_a_number_too(state: StateStore, outbox: Outbox) -> None:
    made = await created(state)
    await state.save(made, events=[event(made, EventType.CREATED)])
    assert await number_of(state, made.id) == 2
    assert [each.seq for each in await outbox.events(0, 10)] == [1]


async def test_a_refused_change_takes_no_number(state: StateStore, outbox: Outbox) -> None:
    made = await created(state)
    with pytest.raises(ValueError, match=made.id):
        await created(state)
    with pytest.raises(Superseded):
        await ended(state, replace(made, revision=9))
    with pytest.raises(Superseded):
        await state.rewind(replace(made, revision=9), [], [event(made, EventType.ROLLED_BACK)])
    assert await outbox.last_seq() == 1
    assert await state.numbered(made.id) == Numbered(upload=made, seq=1)


async def test_uploads_are_listed_by_number_each_once(state: StateStore) -> None:
    uploads = [await created(state, number) for number in (3, 1, 2)]
    gone = await ended(state, uploads[0])
    assert [(each.seq, each.upload) for each in await all_changed(state, limit=1)] == [
        (2, uploads[1]),
        (3, uploads[2]),
        (4, gone),
    ]
    assert [each.seq for each in await state.changed(2, 10)] == [3, 4]
    assert await state.changed(0, 0) == await state.changed(4, 10) == await state.changed(10**18 - 1, 10) == []


async def test_a_deleted_upload_has_none(state: StateStore) -> None:
    made = await created(state)
    await state.delete(made)
    assert await state.numbered(made.id) is None
    assert await all_changed(state) == []
    await created(state)
    assert await number_of(state, made.id) == 2


async def test_numbers_go_on_after_a_restart(durable: Maker) -> None:
    store = durable()
    one = await created(store, 1)
    await store.delete(await created(store, 2))
    await store.aclose()
    again = durable()
    await created(again, 3)
    assert again.outbox is not None
    assert [(each.seq, each.upload.id) for each in await all_changed(again)] == [(1, one.id), (3, upload(3).id)]
    assert await again.outbox.last_seq() == 3
    await again.aclose()


async def test_a_reader_misses_nothing_while_several_write(durable: Maker) -> None:
    """Each reads on from the last number that it was told."""
    writers, told, writing = [durable() for _ in range(3)], dict[UploadId, int](), True

    async def write(store: StateStore, first: int) -> None:
        for number in range(first, first + 12):
            made = await created(store, number)
            made = await store.save(replace(made, offset=3))
            if number % 2:
                await ended(store, made)

    async def read(store: StateStore) -> None:
        last, final = 0, False
        while not final:
            final = not writing
            for each in await all_changed(store, last, limit=4):
                assert each.seq > last
                last = told[each.upload.id] = each.seq

    reading = asyncio.create_task(read(writers[0]))
    await asyncio.gather(*(write(store, 100 * index) for index, store in enumerate(writers)))
    writing = False
    await reading
    present = {each.upload.id: each.seq for each in await all_changed(writers[0])}
    assert len(present) == len(set(present.values())) == 36
    assert told == present
    for store in writers:
        await store.aclose()
