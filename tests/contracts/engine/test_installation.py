"""State and storage belong together, or nothing is done with either."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.engine import pairing
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.installation import held_until, judge, look, pair, pair_by_hand, renew
from tusd_py.engine.lookup import inspect
from tusd_py.engine.pairing import PairedState
from tusd_py.engine.ports import Ports
from tusd_py.engine.repair import repair
from tusd_py.engine.sweep import sweep
from tusd_py.engine.tidy import tidy
from tusd_py.errors import StateUnavailable, StorageUnavailable, Unavailable, WrongPair
from tusd_py.model import Installation, UploadId

DAY = 86400.0
STRANGER = UploadId("f" * 32)


async def remember_one(engine: Engine) -> None:
    await create(engine.ports, creating(10), ScriptedBody())


def another(engine: Engine) -> Engine:
    """A new server on the same storage, with an empty state."""
    other = Engine()
    other.ports = replace(other.ports, storage=engine.storage)
    return other


# which belong together


async def test_the_first_start_gives_both_one_id(engine: Engine) -> None:
    installed = await pair(engine.ports)
    assert installed == Installation(id=f"{1:032x}", stored=True)
    assert await engine.state.installation() == installed
    assert await engine.storage.installation() == installed.id


async def test_later_starts_change_nothing(engine: Engine) -> None:
    installed = await pair(engine.ports)
    await remember_one(engine)
    assert await pair(engine.ports) == installed


async def test_what_ran_before_there_were_ids_gets_one(engine: Engine) -> None:
    await remember_one(engine)
    assert (await pair(engine.ports)).id == await engine.storage.installation()
    assert await held_until(engine.ports) is None


@pytest.mark.parametrize("uploads", [False, True], ids=["no uploads", "uploads"])
async def test_a_start_that_ended_between_the_two_writes_is_taken_up_again(engine: Engine, uploads: bool) -> None:  # noqa: FBT001
    if uploads:
        await remember_one(engine)
    begun = await engine.state.install(Installation(id="a" * 32))
    assert await pair(engine.ports) == replace(begun, stored=True)
    assert await engine.storage.installation() == begun.id


async def test_a_state_without_uploads_may_get_a_new_storage(engine: Engine) -> None:
    await engine.state.install(Installation(id="a" * 32, stored=True))
    assert (await pair(engine.ports)).id == "a" * 32 == await engine.storage.installation()


async def test_a_state_with_uploads_does_not_belong_to_a_storage_without_an_id(engine: Engine) -> None:
    await pair(engine.ports)
    await remember_one(engine)
    engine.storage._installation = None
    with pytest.raises(WrongPair, match="memory: of none"):
        await pair(engine.ports)
    assert await engine.storage.installation() is None


async def test_a_state_with_uploads_and_no_id_does_not_belong_to_a_storage_with_one(engine: Engine) -> None:
    await remember_one(engine)
    await engine.storage.install("a" * 32)
    with pytest.raises(WrongPair, match="no installation, but has uploads"):
        await pair(engine.ports)
    assert await engine.state.installation() is None


@pytest.mark.parametrize("uploads", [False, True], ids=["no uploads", "uploads"])
async def test_two_ids_do_not_belong_together(engine: Engine, uploads: bool) -> None:  # noqa: FBT001
    if uploads:
        await remember_one(engine)
    known = await engine.state.install(Installation(id="a" * 32, stored=True))
    await engine.storage.install("b" * 32)
    with pytest.raises(WrongPair) as refused:
        await pair(engine.ports)
    told = str(refused.value)
    assert "installation aaaaaaaa," in told
    assert "installation bbbbbbbb." in told
    assert "a" * 9 not in told  # the whole id is a secret
    assert "repair --pair" in told
    assert "\n" not in told
    assert (await engine.state.installation(), await engine.storage.installation()) == (known, "b" * 32)


async def test_what_says_it_is_an_id_must_be_one(engine: Engine) -> None:
    await engine.storage.install("<html>")
    with pytest.raises(StorageUnavailable, match="not an id"):
        await pair(engine.ports)
    assert await engine.state.installation() is None


async def test_to_look_changes_nothing(engine: Engine) -> None:
    assert judge(engine.ports, await look(engine.ports)).id == f"{1:032x}"
    assert await engine.state.installation() is None
    assert await engine.storage.installation() is None


async def test_a_node_that_starts_beside_another_is_of_its_installation(engine: Engine) -> None:
    """Wherever the second one stands while the first pairs and takes its first upload."""
    for at in range(4):
        engine = Engine()
        first, steps = engine.ports, 0

        class Slow:
            """The second node's way to the state: the first one is at work before its call number `at`."""

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
        assert second == await engine.state.installation()
        assert second.adopted_at is None
        assert await engine.storage.installation() == second.id


async def test_many_nodes_that_start_at_once_end_with_one_id(engine: Engine) -> None:
    got = await asyncio.gather(*(pair(engine.ports) for _ in range(5)))
    assert {each.id for each in got} == {await engine.storage.installation()}
    assert await engine.state.installation() == replace(got[0], stored=True)


# an empty state beside a storage that has uploads


async def test_an_empty_state_takes_the_storage_over_and_collects_nothing_for_a_week(engine: Engine) -> None:
    installed = await pair(engine.ports)
    engine.storage._parts[STRANGER] = bytearray(b"abc")
    later = another(engine)
    later.now = 1000 * DAY
    assert await pair(later.ports) == replace(installed, adopted_at=1000 * DAY)
    assert [found async for found in tidy(later.ports)] == []
    later.now += 7 * DAY - 1
    assert [found async for found in tidy(later.ports)] == []
    assert [found.upload_id async for found in tidy(later.ports, dry_run=True)] == [STRANGER], "to be looked at"
    assert STRANGER in engine.storage._parts
    later.now += 1
    assert [found.upload_id async for found in tidy(later.ports)] == [STRANGER]
    assert STRANGER not in engine.storage._parts


async def test_garbage_is_collected_again_once_repair_has_run_to_its_end(engine: Engine) -> None:
    await pair(engine.ports)
    engine.storage._parts[STRANGER] = bytearray(b"abc")
    later = another(engine)
    await pair(later.ports)
    async for _ in repair(later.ports, apply=False):
        pass
    assert await held_until(later.ports) is not None, "it only looked"
    async for _ in repair(later.ports, apply=True):
        break
    assert await held_until(later.ports) is not None, "it was stopped"
    async for mended in repair(later.ports, apply=True):
        assert mended.done
    assert await held_until(later.ports) is None
    assert (await later.record_of(STRANGER)).offset == 3


async def test_a_repair_that_could_not_mend_all_holds_garbage_back(engine: Engine) -> None:
    await pair(engine.ports)
    engine.storage._parts[STRANGER] = bytearray(b"abc")
    later = another(engine)
    await pair(later.ports)
    async with later.ports.hold(STRANGER):
        assert [mended.done async for mended in repair(later.ports, apply=True)] == [False]
    assert await held_until(later.ports) is not None


async def test_who_says_that_they_belong_together_holds_garbage_back_too(engine: Engine) -> None:
    await remember_one(engine)
    await engine.storage.install("b" * 32)
    assert (await pair_by_hand(engine.ports)).id == "b" * 32
    assert (await pair(engine.ports)).id == "b" * 32
    assert await held_until(engine.ports) == engine.now + 7 * DAY


async def test_a_storage_that_lost_its_id_gets_the_states_by_hand(engine: Engine) -> None:
    installed = await pair(engine.ports)
    await remember_one(engine)
    engine.storage._installation = None
    await pair_by_hand(engine.ports)
    assert await engine.storage.installation() == installed.id
    assert (await pair(engine.ports)).id == installed.id


async def test_a_running_server_renews_the_id_but_never_takes_another_ones_place(engine: Engine) -> None:
    installed = await pair(engine.ports)
    engine.storage._installation = None
    await renew(engine.ports)
    assert await engine.storage.installation() == installed.id
    await engine.storage.install("b" * 32)
    await renew(engine.ports)
    assert await engine.storage.installation() == "b" * 32


# before they are known to


def paired(engine: Engine) -> Ports:
    return replace(engine.ports, state=PairedState(engine.ports))


async def test_of_a_wrong_pair_nothing_is_created_continued_shown_swept_or_collected(engine: Engine) -> None:
    upload = await create(engine.ports, creating(10), ScriptedBody())
    await engine.state.install(Installation(id="a" * 32, stored=True))
    await engine.storage.install("b" * 32)
    engine.storage._parts[STRANGER] = bytearray(b"abc")
    before, ports, body = [*await engine.residue(), *engine.state.saves], paired(engine), ScriptedBody(b"abc")
    engine.now += 1000 * DAY
    for attempt in (
        create(ports, creating(3, body=True), body),
        append(ports, upload.id, appending(0), body),
        inspect(ports, upload.id),
        sweep(ports),
        anext(aiter(tidy(ports)), None),
        anext(aiter(repair(ports, apply=True)), None),
    ):
        with pytest.raises(WrongPair):
            await attempt
    assert not body.asked
    assert [*await engine.residue(), *engine.state.saves] == before


async def test_what_could_not_be_reached_at_first_is_found_out_by_whoever_comes_next(engine: Engine) -> None:
    ports = paired(engine)
    engine.storage.installing.blow(times=2)
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await create(ports, creating(10), ScriptedBody())
    assert await engine.uploads() == []
    upload = await create(ports, creating(10), ScriptedBody())
    assert (await inspect(ports, upload.id)).offset == 0
    assert await engine.storage.installation() is not None


async def test_once_found_out_it_costs_nothing(engine: Engine) -> None:
    ports = paired(engine)
    upload = await create(ports, creating(10), ScriptedBody())
    engine.storage.installing.blow(times=1000)
    assert (await inspect(ports, upload.id)).id == upload.id


async def test_many_requests_share_one_attempt_and_wait_for_it_for_a_while(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing, "_PATIENCE", 0.05)
    engine.storage.answering.clear()
    state = PairedState(engine.ports)
    asked = await asyncio.gather(*(state.load(STRANGER) for _ in range(20)), return_exceptions=True)
    assert all(isinstance(each, Unavailable) for each in asked)
    monkeypatch.setattr(pairing, "_PATIENCE", 60.0)
    engine.storage.answering.set()
    assert await state.load(STRANGER) is None
    assert engine.storage.asked == 1
    await state.aclose()


async def test_an_attempt_ends_with_its_state(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "_PATIENCE", 0.0)
    engine.storage.answering.clear()
    state = PairedState(engine.ports)
    with pytest.raises(StorageUnavailable):
        await state.installation()
    await state.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_ping_is_about_the_state_alone(engine: Engine) -> None:
    engine.storage.installing.blow(times=1000)
    state = PairedState(engine.ports)
    await state.ping()
    with pytest.raises(StorageUnavailable):
        await state.installation()


async def test_each_start_while_garbage_is_held_back_says_so(engine: Engine) -> None:
    await pair(engine.ports)
    later = another(engine)
    for count in (1, 2):
        await PairedState(later.ports).installation()
        assert later.told.count("installation-adopted") == count
    later.now += 7 * DAY
    await PairedState(later.ports).installation()
    assert later.told.count("installation-adopted") == 2


async def test_a_state_that_fails_is_asked_again(engine: Engine) -> None:
    state = PairedState(engine.ports)
    engine.state.fuse.blow()
    with pytest.raises(StateUnavailable):
        await state.load(STRANGER)
    assert await state.load(STRANGER) is None
