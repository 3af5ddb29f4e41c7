"""A state and a storage are paired by one id that both keep; two that don't belong together are refused with
WrongPair."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.support.harness import Harness, ScriptedBody, second_harness
from tests.support.intents import creating
from tusd_py.domain.errors import StorageUnavailable, WrongPair
from tusd_py.domain.installation import Installation
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.create import create
from tusd_py.engine.garbage_collection import collect_garbage
from tusd_py.engine.installation import force_pair, grace_period_end, pair, reconcile, renew, take_snapshot
from tusd_py.engine.repair import repair

DAY = 86400.0
STRANGER = UploadId("f" * 32)


async def remember_one(harness: Harness) -> None:
    await create(harness.engine, creating(10), ScriptedBody())


# which belong together


async def test_the_first_start_gives_both_one_id(harness: Harness) -> None:
    installed = await pair(harness.engine)
    assert installed == Installation(id=f"{1:032x}", stored=True)
    assert await harness.state.installation() == installed
    assert await harness.storage.installation() == installed.id


async def test_later_starts_change_nothing(harness: Harness) -> None:
    installed = await pair(harness.engine)
    await remember_one(harness)
    assert await pair(harness.engine) == installed


async def test_what_ran_before_there_were_ids_gets_one(harness: Harness) -> None:
    await remember_one(harness)
    assert (await pair(harness.engine)).id == await harness.storage.installation()
    assert await grace_period_end(harness.engine) is None


@pytest.mark.parametrize("uploads", [False, True], ids=["no uploads", "uploads"])
async def test_an_interrupted_pairing_is_resumed(harness: Harness, uploads: bool) -> None:  # noqa: FBT001
    """A start completes a pairing that was cut off after the installation's id was written to the state, and before it
    was written to the storage."""
    if uploads:
        await remember_one(harness)
    unstored = await harness.state.install(Installation(id="a" * 32))
    assert await pair(harness.engine) == replace(unstored, stored=True)
    assert await harness.storage.installation() == unstored.id


async def test_a_state_without_uploads_may_get_a_new_storage(harness: Harness) -> None:
    await harness.state.install(Installation(id="a" * 32, stored=True))
    assert (await pair(harness.engine)).id == "a" * 32 == await harness.storage.installation()


async def test_a_used_state_rejects_an_unnamed_storage(harness: Harness) -> None:
    """For a state with uploads, whose id was written to a storage before, and a storage without an id, `pair` raises
    WrongPair."""
    await pair(harness.engine)
    await remember_one(harness)
    harness.storage._installation = None
    with pytest.raises(WrongPair, match="memory: of none"):
        await pair(harness.engine)
    assert await harness.storage.installation() is None


async def test_an_unnamed_used_state_rejects_a_storage(harness: Harness) -> None:
    """For a state with uploads and without an installation id, and a storage with an id, `pair` raises WrongPair."""
    await remember_one(harness)
    await harness.storage.install("a" * 32)
    with pytest.raises(WrongPair, match="no installation, but has uploads"):
        await pair(harness.engine)
    assert await harness.state.installation() is None


@pytest.mark.parametrize("uploads", [False, True], ids=["no uploads", "uploads"])
async def test_two_ids_do_not_belong_together(harness: Harness, uploads: bool) -> None:  # noqa: FBT001
    if uploads:
        await remember_one(harness)
    installation = await harness.state.install(Installation(id="a" * 32, stored=True))
    await harness.storage.install("b" * 32)
    with pytest.raises(WrongPair) as refused:
        await pair(harness.engine)
    message = str(refused.value)
    assert "installation aaaaaaaa," in message
    assert "installation bbbbbbbb." in message
    assert "a" * 9 not in message  # the whole id is a secret
    assert "repair --pair" in message
    assert "\n" not in message
    assert (await harness.state.installation(), await harness.storage.installation()) == (installation, "b" * 32)


async def test_what_says_it_is_an_id_must_be_one(harness: Harness) -> None:
    await harness.storage.install("<html>")
    with pytest.raises(StorageUnavailable, match="is malformed"):
        await pair(harness.engine)
    assert await harness.state.installation() is None


async def test_to_look_changes_nothing(harness: Harness) -> None:
    assert reconcile(harness.engine, await take_snapshot(harness.engine)).id == f"{1:032x}"
    assert await harness.state.installation() is None
    assert await harness.storage.installation() is None


async def test_a_second_node_joins_the_installation(harness: Harness) -> None:
    """If a first node pairs, and creates an upload, just before one of a second node's first four requests to the
    state, the second node gets the same installation."""
    for at in range(4):
        harness = Harness()
        first, steps = harness.engine, 0

        class Slow:
            """The second node's state: before its call number `at`, counted from 0, the first node pairs and creates an
            upload."""

            name = "slow:"

            def __getattr__(self, method: str) -> object:
                async def call(*arguments: object) -> object:
                    nonlocal steps
                    if steps == at:  # noqa: B023
                        await pair(first)  # noqa: B023
                        await create(first, creating(10), ScriptedBody())  # noqa: B023
                    steps += 1
                    return await getattr(first.state, method)(*arguments)  # noqa: B023

                return call

        second = await pair(replace(first, state=Slow()))  # type: ignore[arg-type]  # it has all methods
        assert second == await harness.state.installation()
        assert second.adopted_at is None
        assert await harness.storage.installation() == second.id


async def test_many_nodes_that_start_at_once_end_with_one_id(harness: Harness) -> None:
    got = await asyncio.gather(*(pair(harness.engine) for _ in range(5)))
    assert {installation.id for installation in got} == {await harness.storage.installation()}
    assert await harness.state.installation() == replace(got[0], stored=True)


# an empty state with a storage that has uploads


async def test_an_empty_state_collects_nothing_for_a_week(harness: Harness) -> None:
    """After an empty state has taken over the id of a storage, garbage collection removes nothing for a week."""
    installed = await pair(harness.engine)
    harness.storage._parts[STRANGER] = bytearray(b"abc")
    later = second_harness(harness)
    later.now = 1000 * DAY
    assert await pair(later.engine) == replace(installed, adopted_at=1000 * DAY)
    assert [leftover async for leftover in collect_garbage(later.engine)] == []
    later.now += 7 * DAY - 1
    assert [leftover async for leftover in collect_garbage(later.engine)] == []
    assert [leftover.upload_id async for leftover in collect_garbage(later.engine, dry_run=True)] == [STRANGER], (
        "to be looked at"
    )
    assert STRANGER in harness.storage._parts
    later.now += 1
    assert [leftover.upload_id async for leftover in collect_garbage(later.engine)] == [STRANGER]
    assert STRANGER not in harness.storage._parts


async def test_a_whole_repair_resumes_collection(harness: Harness) -> None:
    """A repair with `apply` that ran to its end and mended all that it found ends the grace period: garbage collection
    removes leftovers again."""
    await pair(harness.engine)
    harness.storage._parts[STRANGER] = bytearray(b"abc")
    later = second_harness(harness)
    await pair(later.engine)
    async for _ in repair(later.engine, apply=False):
        pass
    assert await grace_period_end(later.engine) is not None, "it only looked"
    async for _ in repair(later.engine, apply=True):
        break
    assert await grace_period_end(later.engine) is not None, "it was stopped"
    async for mended in repair(later.engine, apply=True):
        assert mended.done
    assert await grace_period_end(later.engine) is None
    assert (await later.record_of(STRANGER)).offset == 3


async def test_a_repair_that_could_not_mend_all_holds_removal_back(harness: Harness) -> None:
    await pair(harness.engine)
    harness.storage._parts[STRANGER] = bytearray(b"abc")
    later = second_harness(harness)
    await pair(later.engine)
    async with later.engine.hold(STRANGER):
        assert [mended.done async for mended in repair(later.engine, apply=True)] == [False]
    assert await grace_period_end(later.engine) is not None


async def test_adopting_a_storage_delays_collection(harness: Harness) -> None:
    """The grace period also begins when an operator makes a state and a storage one installation (`force_pair`)."""
    await remember_one(harness)
    await harness.storage.install("b" * 32)
    assert (await force_pair(harness.engine)).id == "b" * 32
    assert (await pair(harness.engine)).id == "b" * 32
    assert await grace_period_end(harness.engine) == harness.now + 7 * DAY


async def test_a_storage_that_lost_its_id_gets_the_states_by_hand(harness: Harness) -> None:
    installed = await pair(harness.engine)
    await remember_one(harness)
    harness.storage._installation = None
    await force_pair(harness.engine)
    assert await harness.storage.installation() == installed.id
    assert (await pair(harness.engine)).id == installed.id


async def test_a_running_server_renews_only_its_own_id(harness: Harness) -> None:
    """A running server writes its installation's id again to a storage that lost it, and never replaces that of another
    installation."""
    installed = await pair(harness.engine)
    harness.storage._installation = None
    await renew(harness.engine)
    assert await harness.storage.installation() == installed.id
    await harness.storage.install("b" * 32)
    await renew(harness.engine)
    assert await harness.storage.installation() == "b" * 32
