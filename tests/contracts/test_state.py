"""Promises of every state store (`tusd_py/ports/state.py`), memory, SQLite or Redis, and of the durable last two."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from tests.support.fixtures_state import Maker
from tests.support.uploads import changed, upload, uploads
from tusd_py.domain.errors import Superseded
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import RETRY_SECONDS, Upload
from tusd_py.ports.state import StateStore, Unfinished


async def test_a_new_upload_is_remembered_at_revision_1(state: StateStore) -> None:
    created = await state.create(upload())
    assert created == upload(revision=1)
    assert await state.load(created.id) == created


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(given_upload=uploads)
async def test_an_upload_comes_back_as_it_was(state: StateStore, given_upload: Upload) -> None:
    created = await state.create(given_upload)
    assert await state.load(created.id) == created == replace(given_upload, revision=1)
    await state.delete(created)


async def test_an_upload_can_come_with_its_entries(state: StateStore) -> None:
    created = await state.create(upload(), [{"part": 1}, {"part": 2}])
    await state.save(created, [{"part": 3}])
    assert list(await state.entries(created.id)) == [{"part": 1}, {"part": 2}, {"part": 3}]


async def test_an_id_that_is_taken_is_refused_and_changes_nothing(state: StateStore) -> None:
    created = await state.create(upload())
    with pytest.raises(ValueError, match=created.id):
        await state.create(upload(length=99))
    assert await state.load(created.id) == created


async def test_an_unknown_upload_is_none_and_has_no_entries(state: StateStore) -> None:
    assert await state.load(upload().id) is None
    assert list(await state.entries(upload().id)) == []


async def test_a_save_increments_the_revision(state: StateStore) -> None:
    """A save replaces the record and increments the revision by one."""
    created = await state.create(upload())
    saved = await state.save(replace(created, offset=7, cursor={"at": 7}))
    assert saved == replace(created, offset=7, cursor={"at": 7}, revision=2)
    assert await state.load(created.id) == saved


async def test_a_rewind_replaces_the_record_and_all_entries(state: StateStore) -> None:
    created = await state.create(upload(), [{"part": 1}, {"part": 2}, {"part": 3}])
    rewound = await state.rewind(replace(created, offset=7), [{"part": 1}])
    assert await state.load(created.id) == rewound == replace(created, offset=7, revision=2)
    assert list(await state.entries(created.id)) == [{"part": 1}]
    with pytest.raises(Superseded):
        await state.rewind(created, [])
    await state.save(rewound, [{"part": 9}])
    assert list(await state.entries(created.id)) == [{"part": 1}, {"part": 9}]


async def test_a_stale_save_is_refused(state: StateStore) -> None:
    """A save with an older revision is refused and changes nothing."""
    created = await state.create(upload())
    saved = await state.save(replace(created, offset=5), [{"part": 1}])
    with pytest.raises(Superseded, match=f"^upload {created.id} is no longer at revision 1$"):
        await state.save(replace(created, offset=3), [{"part": 9}])
    assert await state.load(created.id) == saved
    assert list(await state.entries(created.id)) == [{"part": 1}]


async def test_a_save_of_an_unknown_upload_is_refused(state: StateStore) -> None:
    with pytest.raises(Superseded):
        await state.save(upload(revision=1), [{"part": 1}])
    assert await state.load(upload().id) is None
    assert list(await state.entries(upload().id)) == []


async def test_entries_keep_the_order_they_were_added_in(state: StateStore) -> None:
    current = await state.create(upload())
    for first in range(0, 30, 3):
        current = await state.save(current, [{"part": number} for number in range(first, first + 3)])
    assert [entry["part"] for entry in await state.entries(current.id)] == list(range(30))


async def test_uploads_keep_their_entries_apart(state: StateStore) -> None:
    one, two = await state.create(upload(1)), await state.create(upload(2))
    await state.save(one, [{"of": 1}])
    await state.save(two, [{"of": 2}])
    assert list(await state.entries(one.id)) == [{"of": 1}]
    assert list(await state.entries(two.id)) == [{"of": 2}]


async def test_ten_thousand_entries_fit_in_one_save(state: StateStore) -> None:
    current = await state.save(await state.create(upload()), [{"part": number} for number in range(10_000)])
    await state.save(current, [{"part": 10_000}])
    assert [entry["part"] for entry in await state.entries(current.id)] == list(range(10_001))


async def test_a_deleted_upload_is_forgotten_with_its_entries(state: StateStore) -> None:
    current = await state.save(await state.create(upload(expires_at=1.0)), [{"part": 1}])
    await state.delete(current)
    assert await state.load(current.id) is None
    assert list(await state.entries(current.id)) == []
    assert list(await state.due(2.0, 10)) == []
    assert list(await state.list(None, 10)) == []


async def test_deleting_twice_is_fine(state: StateStore) -> None:
    created = await state.create(upload())
    await state.delete(created)
    await state.delete(created)


async def test_a_delete_that_names_an_older_revision_is_refused(state: StateStore) -> None:
    created = await state.create(upload())
    saved = await state.save(created)
    with pytest.raises(Superseded, match=f"^upload {created.id} is no longer at revision 1$"):
        await state.delete(created)
    assert await state.load(created.id) == saved


async def test_a_forgotten_id_can_be_reused(state: StateStore) -> None:
    """The id of a deleted upload can be given to a new one, which begins at revision 1 without entries."""
    await state.delete(await state.save(await state.create(upload()), [{"part": 1}]))
    again = await state.create(upload())
    assert again.revision == 1
    assert list(await state.entries(again.id)) == []


async def test_the_longest_due_come_first(state: StateStore) -> None:
    for number, expires_at in enumerate((30.0, 10.0, None, 20.0, 40.0)):
        await state.create(upload(number, expires_at=expires_at))
    assert [int(due, 16) for due in await state.due(30.0, 10)] == [1, 3, 0]
    assert [int(due, 16) for due in await state.due(30.0, 2)] == [1, 3]
    assert list(await state.due(9.9, 10)) == []


async def test_what_is_due_follows_the_last_save(state: StateStore) -> None:
    created = await state.create(upload(expires_at=10.0))
    finishing = await state.save(changed(created, phase=Phase.FINISHING, updated_at=100.0))
    assert list(await state.due(99.0, 10)) == []
    assert list(await state.due(100.0 + RETRY_SECONDS, 10)) == [created.id]
    await state.save(changed(finishing, phase=Phase.DONE, expires_at=None))
    assert list(await state.due(1e12, 10)) == []


async def test_pages_by_id_hold_every_upload_once(state: StateStore) -> None:
    for number in (5, 3, 0xFF, 9, 1, 0xA0, 7):
        await state.create(upload(number))
    numbers, after = [], None
    while page := await state.list(after, 3):
        assert len(page) <= 3
        numbers += [int(listed.id, 16) for listed in page]
        after = page[-1].id
    assert numbers == [1, 3, 5, 7, 9, 0xA0, 0xFF]


async def test_of_many_saves_at_once_exactly_one_wins(state: StateStore) -> None:
    created = await state.create(upload())
    saves = [state.save(replace(created, offset=number), [{"by": number}]) for number in range(10)]
    outcomes = await asyncio.gather(*saves, return_exceptions=True)
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Upload)]
    assert sum(isinstance(outcome, Superseded) for outcome in outcomes) == 9
    assert await state.load(created.id) == winner
    assert list(await state.entries(created.id)) == [{"by": winner.offset}]


async def test_of_many_creations_at_once_exactly_one_wins(state: StateStore) -> None:
    outcomes = await asyncio.gather(*(state.create(upload(length=n)) for n in range(10)), return_exceptions=True)
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Upload)]
    assert await state.load(winner.id) == winner


async def test_many_uploads_can_be_saved_at_once(state: StateStore) -> None:
    current = await asyncio.gather(*(state.create(upload(number)) for number in range(50)))
    for step in range(3):
        current = await asyncio.gather(*(state.save(record, [{"step": step}]) for record in current))
    for record in current:
        assert await state.load(record.id) == record
        assert [entry["step"] for entry in await state.entries(record.id)] == [0, 1, 2]


async def test_it_answers_a_ping(state: StateStore) -> None:
    await state.ping()


async def test_it_has_a_name_to_tell_people(state: StateStore) -> None:
    assert state.name.startswith(("memory:", "sqlite:", "redis:"))


async def test_a_durable_store_remembers_after_it_was_closed(durable: Maker) -> None:
    first = durable()
    saved = await first.save(await first.create(upload(expires_at=5.0)), [{"part": 1}])
    await first.aclose()
    second = durable()
    assert await second.load(saved.id) == saved
    assert list(await second.entries(saved.id)) == [{"part": 1}]
    assert list(await second.due(5.0, 1)) == [saved.id]
    await second.aclose()


async def test_two_openings_of_a_durable_store_see_each_other(durable: Maker) -> None:
    one, two = durable(), durable()
    created = await one.create(upload())
    outcomes = await asyncio.gather(one.save(created), two.save(created), return_exceptions=True)
    assert sum(isinstance(outcome, Superseded) for outcome in outcomes) == 1
    assert await one.load(created.id) == await two.load(created.id) == replace(created, revision=2)
    await one.aclose()
    await two.aclose()


async def test_the_room_for_new_uploads_is_told_or_has_no_known_end(state: StateStore) -> None:
    await state.create(upload())
    space = await state.space()
    assert space is None or (space.free >= 0 and space.reserve > 0)


async def test_asking_for_it_changes_nothing(state: StateStore) -> None:
    created = await state.create(upload())
    await state.space()
    await state.ping()
    assert await state.list(None, 10) == [created]
    assert (await state.save(created)).revision == 2


async def test_unfinished_uploads_and_the_bytes_they_claim_are_counted(state: StateStore) -> None:
    assert await state.unfinished() == Unfinished()
    await state.create(upload(1, length=100))
    await state.create(upload(2, length=None, offset=7))
    await state.create(upload(3, length=0, phase=Phase.FINISHING))
    for number, phase in enumerate((Phase.DONE, Phase.TERMINATING, Phase.GONE), start=4):
        await state.create(upload(number, length=1000, phase=phase))
    assert await state.unfinished() == Unfinished(count=3, claimed=107)


async def test_an_upload_claims_as_its_last_save_says(state: StateStore) -> None:
    current = await state.create(upload(length=None))
    for changes, unfinished in (
        ({"offset": 5}, Unfinished(count=1, claimed=5)),
        ({"length": 50}, Unfinished(count=1, claimed=50)),
        ({"offset": 50, "phase": Phase.FINISHING}, Unfinished(count=1, claimed=50)),
        ({"phase": Phase.DONE}, Unfinished()),
    ):
        current = await state.save(replace(current, **changes), [{"part": 1}])
        assert await state.unfinished() == unfinished
    current = await state.rewind(replace(current, phase=Phase.OPEN), [])
    assert await state.unfinished() == Unfinished(count=1, claimed=50)
    await state.delete(current)
    await state.delete(current)
    assert await state.unfinished() == Unfinished()


async def test_what_is_refused_counts_nothing(state: StateStore) -> None:
    created = await state.create(upload())
    with pytest.raises(ValueError, match=created.id):
        await state.create(upload(length=99))
    saved = await state.save(created)
    for refused in (
        state.save(replace(created, length=99)),
        state.rewind(replace(created, length=99), []),
        state.delete(created),
        state.save(upload(2, revision=1)),
    ):
        with pytest.raises(Superseded):
            await refused
    assert await state.unfinished() == Unfinished(count=1, claimed=10)
    await state.delete(saved)


async def test_huge_claims_can_be_saved_and_released(
    state: StateStore,
) -> None:
    """Uploads with lengths of 18 digits, the most that a client may declare, can be saved; their claims, each at most
    `LARGEST_CLAIM`, are given back when the uploads are deleted."""
    created = [await state.create(upload(number, length=10**18 - 1)) for number in range(20)]
    assert (await state.unfinished()).claimed > 10**17
    for record in created:
        await state.delete(await state.save(record))
    await state.create(upload(99))
    assert await state.unfinished() == Unfinished(count=1, claimed=10)


async def test_a_durable_store_counts_for_all_who_opened_it(durable: Maker) -> None:
    one, two = durable(), durable()
    created = await one.create(upload(1))
    await two.create(upload(2))
    assert await one.unfinished() == await two.unfinished() == Unfinished(count=2, claimed=20)
    await two.delete(created)
    assert await one.unfinished() == Unfinished(count=1, claimed=10)
    for store in (one, two):
        await store.aclose()
