"""Numbers that a state gives to events, from which readers go on (`StateStore.changed` in `tusd_py/ports/state.py`)."""

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
    numbered = await state.numbered(upload_id)
    assert numbered is not None
    return numbered.seq


async def all_changed(state: StateStore, since: int = 0, limit: int = 1000) -> Sequence[Numbered]:
    changes = list[Numbered]()
    while page := await state.changed(changes[-1].seq if changes else since, limit):
        assert len(page) <= limit
        changes += page
    return changes


async def test_each_event_takes_the_next_number_stored_or_not(state: StateStore) -> None:
    assert state.outbox is not None
    assert await state.outbox.last_seq() == 0
    one, two = await created(state, 1), await created(state, 2)
    assert [await number_of(state, created_upload.id) for created_upload in (one, two)] == [1, 2]
    await state.outbox.register([ALL])
    ended_upload = await ended(state, one)
    assert await state.numbered(one.id) == Numbered(upload=ended_upload, seq=3)
    assert await state.outbox.last_seq() == 3
    assert await state.numbered(UNKNOWN) is None


async def test_an_upload_has_the_number_of_its_last_event(state: StateStore, outbox: Outbox) -> None:
    planned = upload()
    events = [event(planned, EventType.CREATED), event(planned, EventType.FINISHED)]
    stored = await state.create(planned, events=events)
    assert await number_of(state, planned.id) == 2
    await state.rewind(stored, [], [event(stored, EventType.ROLLED_BACK, before=7)])
    assert await number_of(state, planned.id) == 3
    assert [stored_event.seq for stored_event in await outbox.events(0, 10)] == [1, 2, 3]


async def test_a_creation_without_an_event_takes_a_number(state: StateStore) -> None:
    created_upload = await state.create(upload(1))
    await created(state, 2)
    assert await all_changed(state) == [
        Numbered(upload=created_upload, seq=1),
        Numbered(upload=replace(upload(2), revision=1), seq=2),
    ]


async def test_a_save_without_an_event_moves_no_number(state: StateStore, outbox: Outbox) -> None:
    saved = await state.save(replace(await created(state), offset=5), [{"part": 1}])
    saved = await state.rewind(replace(saved, offset=2), [])
    assert await state.numbered(saved.id) == Numbered(upload=saved, seq=1)
    assert await outbox.last_seq() == 1


async def test_an_event_that_was_stored_before_takes_a_number_too(state: StateStore, outbox: Outbox) -> None:
    created_upload = await created(state)
    await state.save(created_upload, events=[event(created_upload, EventType.CREATED)])
    assert await number_of(state, created_upload.id) == 2
    assert [stored_event.seq for stored_event in await outbox.events(0, 10)] == [1]


async def test_a_refused_change_takes_no_number(state: StateStore, outbox: Outbox) -> None:
    created_upload = await created(state)
    with pytest.raises(ValueError, match=created_upload.id):
        await created(state)
    with pytest.raises(Superseded):
        await ended(state, replace(created_upload, revision=9))
    with pytest.raises(Superseded):
        await state.rewind(replace(created_upload, revision=9), [], [event(created_upload, EventType.ROLLED_BACK)])
    assert await outbox.last_seq() == 1
    assert await state.numbered(created_upload.id) == Numbered(upload=created_upload, seq=1)


async def test_uploads_are_listed_by_number_each_once(state: StateStore) -> None:
    uploads = [await created(state, number) for number in (3, 1, 2)]
    ended_upload = await ended(state, uploads[0])
    assert [(numbered.seq, numbered.upload) for numbered in await all_changed(state, limit=1)] == [
        (2, uploads[1]),
        (3, uploads[2]),
        (4, ended_upload),
    ]
    assert [numbered.seq for numbered in await state.changed(2, 10)] == [3, 4]
    assert await state.changed(0, 0) == await state.changed(4, 10) == await state.changed(10**18 - 1, 10) == []


async def test_a_deleted_upload_has_none(state: StateStore) -> None:
    created_upload = await created(state)
    await state.delete(created_upload)
    assert await state.numbered(created_upload.id) is None
    assert await all_changed(state) == []
    await created(state)
    assert await number_of(state, created_upload.id) == 2


async def test_numbers_go_on_after_a_restart(durable: Maker) -> None:
    store = durable()
    one = await created(store, 1)
    await store.delete(await created(store, 2))
    await store.aclose()
    again = durable()
    await created(again, 3)
    assert again.outbox is not None
    assert [(numbered.seq, numbered.upload.id) for numbered in await all_changed(again)] == [
        (1, one.id),
        (3, upload(3).id),
    ]
    assert await again.outbox.last_seq() == 3
    await again.aclose()


async def test_a_reader_misses_nothing_while_several_write(durable: Maker) -> None:
    """A state numbers its events. A reader that asks again and again for uploads with numbers above the last one it was
    told learns the last number of each of 36 uploads, though three state stores write to one database meanwhile."""
    writers, numbers, writing = [durable() for _ in range(3)], dict[UploadId, int](), True

    async def write(store: StateStore, first: int) -> None:
        for number in range(first, first + 12):
            written = await created(store, number)
            written = await store.save(replace(written, offset=3))
            if number % 2:
                await ended(store, written)

    async def read(store: StateStore) -> None:
        last, final = 0, False
        while not final:
            final = not writing
            for numbered in await all_changed(store, last, limit=4):
                assert numbered.seq > last
                last = numbers[numbered.upload.id] = numbered.seq

    reading = asyncio.create_task(read(writers[0]))
    await asyncio.gather(*(write(store, 100 * index) for index, store in enumerate(writers)))
    writing = False
    await reading
    present = {numbered.upload.id: numbered.seq for numbered in await all_changed(writers[0])}
    assert len(present) == len(set(present.values())) == 36
    assert numbers == present
    for store in writers:
        await store.aclose()
