"""Uploads are charged to accounts, and refused past a quota, in the commit of their record, in every state store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.support.fixtures_state import Maker
from tests.support.uploads import upload
from tusd_py.domain.access_refusals import OverQuota
from tusd_py.domain.account import Account
from tusd_py.domain.errors import Superseded
from tusd_py.domain.phase import Phase
from tusd_py.domain.principal import Quota
from tusd_py.domain.upload import LARGEST_CLAIM, Kind, Upload
from tusd_py.domain.usage import Usage
from tusd_py.ports.state import StateStore

ANN = Account(name="tenant/ann")


def hers(number: int = 1, **changes: Any) -> Upload:
    return upload(number, **{"account": ANN, **changes})


def usage(**values: int) -> Usage:
    return Usage(account=ANN.name, **values)


async def test_an_account_without_uploads_has_nothing(state: StateStore) -> None:
    assert await state.usage("tenant/ann") == usage()
    assert list(await state.usages(None, 10)) == []


async def test_a_length_is_reserved_then_stored(state: StateStore) -> None:
    """The length of an upload is charged as reserved while the upload is unfinished, as stored once it is done, and not
    at all once it is terminating."""
    current = await state.create(hers())
    assert await state.usage(ANN.name) == usage(reserved=10, uploads=1)
    for changes, expected in (
        ({"offset": 4}, usage(reserved=10, uploads=1)),
        ({"offset": 10, "phase": Phase.FINISHING}, usage(reserved=10, uploads=1)),
        ({"phase": Phase.DONE}, usage(stored=10)),
        ({"troubled_at": 1.0}, usage(stored=10)),
        ({"phase": Phase.TERMINATING}, usage()),
        ({"phase": Phase.GONE}, usage()),
    ):
        current = await state.save(replace(current, **changes))
        assert await state.usage(ANN.name) == expected
    await state.delete(current)
    assert list(await state.usages(None, 10)) == []


async def test_a_deferred_length_reserves_what_its_record_says(state: StateStore) -> None:
    current = await state.create(hers(length=None))
    assert await state.usage(ANN.name) == usage(uploads=1)
    current = await state.save(replace(current, offset=3, account=replace(ANN, reserved=64)))
    assert await state.usage(ANN.name) == usage(reserved=64, uploads=1)
    current = await state.save(replace(current, length=7, account=ANN))
    assert await state.usage(ANN.name) == usage(reserved=7, uploads=1)
    current = await state.rewind(replace(current, offset=0, length=None, account=replace(ANN, reserved=5)), [])
    assert await state.usage(ANN.name) == usage(reserved=5, uploads=1)
    await state.delete(current)
    assert await state.usage(ANN.name) == usage()


async def test_accounts_are_listed_by_name_in_pages(state: StateStore) -> None:
    names = ["-", "(x", "a:b:c", "tenant/ann", "z\nz", "ü", "\U0001f600"]
    for number, name in enumerate(names):
        await state.create(upload(number, length=number, account=Account(name=name)))
    usages = list[Usage]()
    while page := await state.usages(usages[-1].account if usages else None, 3):
        assert len(page) <= 3
        usages += page
    expected = [Usage(account=name, reserved=number, uploads=1) for number, name in enumerate(names)]
    assert usages == sorted(expected, key=lambda account_usage: account_usage.account)


async def test_bytes_past_the_quota_are_refused_and_change_nothing(state: StateStore) -> None:
    quota = Quota(max_bytes=25)
    current = await state.create(hers(1), quota=quota)
    await state.create(hers(2), quota=quota)
    await state.create(upload(9, length=999), quota=Quota(max_bytes=999))
    for refused in (
        state.create(hers(3, length=6), quota=quota),
        state.save(replace(current, length=16), [{"part": 1}], quota=quota),
        state.create(hers(3, length=10**18 - 1), quota=quota),
    ):
        with pytest.raises(OverQuota):
            await refused
    assert await state.load(current.id) == current
    assert list(await state.entries(current.id)) == []
    assert await state.load(upload(3).id) is None
    assert await state.usage(ANN.name) == usage(reserved=20, uploads=2)
    await state.create(hers(3, length=5), quota=quota)
    assert await state.usage(ANN.name) == usage(reserved=25, uploads=3)


async def test_what_takes_no_more_goes_on_past_the_quota(state: StateStore) -> None:
    quota = Quota(max_bytes=1, max_uploads=0)
    current = await state.create(hers())
    await state.create(hers(2, length=0), quota=Quota(max_bytes=1))
    for changes in ({"offset": 10}, {"phase": Phase.FINISHING}, {"phase": Phase.DONE}, {"phase": Phase.TERMINATING}):
        current = await state.save(replace(current, **changes), quota=quota)
    assert await state.usage(ANN.name) == usage(uploads=1)


async def test_unfinished_uploads_past_the_quota_are_refused(state: StateStore) -> None:
    quota = Quota(max_uploads=2)
    current = await state.create(hers(1), quota=quota)
    await state.create(hers(2), quota=quota)
    with pytest.raises(OverQuota):
        await state.create(hers(3), quota=quota)
    await state.create(upload(4), quota=quota)
    await state.create(hers(5, phase=Phase.DONE, offset=10), quota=quota)
    current = await state.save(replace(current, phase=Phase.DONE, offset=10))
    await state.create(hers(3), quota=quota)
    assert await state.usage(ANN.name) == usage(stored=20, reserved=20, uploads=2)


@pytest.mark.parametrize("quota", [Quota(max_bytes=35), Quota(max_uploads=3)])
async def test_concurrent_creations_keep_the_quota(state: StateStore, quota: Quota) -> None:
    """Under a quota with space for three uploads, three of 12 concurrent creations succeed and nine raise OverQuota."""
    outcomes = await asyncio.gather(
        *(state.create(hers(number), quota=quota) for number in range(12)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Upload) for outcome in outcomes) == 3
    assert sum(isinstance(outcome, OverQuota) for outcome in outcomes) == 9
    assert await state.usage(ANN.name) == usage(reserved=30, uploads=3)


async def test_nodes_race_for_the_last_room_and_one_gets_it(durable: Maker) -> None:
    one, two = durable(), durable()
    quota = Quota(max_bytes=10)
    outcomes = await asyncio.gather(
        one.create(hers(1), quota=quota), two.create(hers(2), quota=quota), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {Upload, OverQuota}
    assert await one.usage(ANN.name) == await two.usage(ANN.name) == usage(reserved=10, uploads=1)
    await one.aclose()
    await two.aclose()


async def test_a_superseded_change_charges_nothing(state: StateStore) -> None:
    """A change of an older revision raises Superseded, even if it is above the quota, and charges nothing."""
    created = await state.create(hers())
    saved = await state.save(created)
    for refused in (
        state.save(replace(created, length=99), quota=Quota(max_bytes=1000)),
        state.save(replace(created, length=99), quota=Quota(max_bytes=10)),
        state.rewind(replace(created, length=99), []),
        state.delete(created),
        state.save(hers(2, revision=1), quota=Quota(max_bytes=1000)),
    ):
        with pytest.raises(Superseded):
            await refused
    assert await state.usage(ANN.name) == usage(reserved=10, uploads=1)
    await state.delete(saved)
    await state.delete(saved)
    assert await state.usage(ANN.name) == usage()


def partial(number: int, **changes: Any) -> Upload:
    return hers(number, kind=Kind.PARTIAL, phase=Phase.DONE, offset=10, **changes)


def final(number: int, *sources: Upload, **changes: Any) -> Upload:
    length = 10 * len(sources)
    joined = {"kind": Kind.FINAL, "length": length, "offset": length, "phase": Phase.FINISHING}
    return hers(number, partials=tuple(source.id for source in sources), **joined | changes)


async def test_a_final_upload_takes_over_the_charges(state: StateStore) -> None:
    """A final upload takes over what its partials are charged for."""
    quota = Quota(max_bytes=20)
    one, two = await state.create(partial(1)), await state.create(partial(2))
    joined = await state.create(final(3, one, two), quota=quota)
    assert await state.usage(ANN.name) == usage(reserved=20, uploads=1)
    joined = await state.save(replace(joined, phase=Phase.DONE))
    assert await state.usage(ANN.name) == usage(stored=20)
    one = await state.save(replace(one, troubled_at=9.0))
    await state.delete(await state.save(replace(one, phase=Phase.TERMINATING)))
    await state.delete(two)
    assert await state.usage(ANN.name) == usage(stored=20)
    await state.save(replace(joined, phase=Phase.TERMINATING))
    assert await state.usage(ANN.name) == usage()


async def test_a_partial_is_taken_over_once_however_often_it_is_named(state: StateStore) -> None:
    one = await state.create(partial(1))
    with pytest.raises(OverQuota):
        await state.create(final(3, one, one), quota=Quota(max_bytes=19))
    assert await state.usage(ANN.name) == usage(stored=10)
    await state.create(final(3, one, one), quota=Quota(max_bytes=20))
    assert await state.usage(ANN.name) == usage(reserved=20, uploads=1)
    with pytest.raises(OverQuota):
        await state.create(final(4, one), quota=Quota(max_bytes=29))
    await state.create(final(4, one), quota=Quota(max_bytes=30))
    assert await state.usage(ANN.name) == usage(reserved=30, uploads=2)


async def test_a_final_upload_of_another_account_is_charged_in_full(state: StateStore) -> None:
    one = await state.create(partial(1))
    his = Account(name="bob")
    with pytest.raises(OverQuota):
        await state.create(final(3, one, account=his), quota=Quota(max_bytes=9))
    await state.create(final(3, one, account=his), quota=Quota(max_bytes=10))
    assert await state.usage(ANN.name) == usage()
    assert await state.usage("bob") == Usage(account="bob", reserved=10, uploads=1)


async def test_more_than_a_store_can_add_up_is_capped(state: StateStore) -> None:
    created = [await state.create(hers(number, length=10**18 - 1)) for number in range(20)]
    assert await state.usage(ANN.name) == usage(reserved=20 * LARGEST_CLAIM, uploads=20)
    for record in created:
        await state.delete(record)
    await state.create(hers(99))
    assert await state.usage(ANN.name) == usage(reserved=10, uploads=1)


async def test_a_recount_finds_nothing_where_every_change_was_charged(state: StateStore) -> None:
    one = await state.create(partial(1))
    await state.create(final(2, one))
    await state.create(upload(3, length=None, account=replace(ANN, reserved=64)))
    await state.create(upload(4, owner="ann", account=Account(name="ann")))
    before = list(await state.usages(None, 10))
    assert await state.recount() == 0
    assert list(await state.usages(None, 10)) == before
