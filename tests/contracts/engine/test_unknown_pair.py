"""A state and a storage before and after the server knows that they belong together (`tusd_py/engine/pairing.py`)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from tests.support.events import event
from tests.support.harness import Harness, ScriptedBody, second_harness
from tests.support.intents import appending, creating
from tests.support.uploads import upload
from tusd_py.domain.access_refusals import OverQuota, TokenUsedUp
from tusd_py.domain.account import Account
from tusd_py.domain.errors import StateUnavailable, StorageUnavailable, Unavailable, WrongPair
from tusd_py.domain.events import EventType
from tusd_py.domain.installation import Installation
from tusd_py.domain.phase import Phase
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine import pairing
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.engine import Engine
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.garbage_collection import collect_garbage
from tusd_py.engine.installation import pair
from tusd_py.engine.lookup import inspect
from tusd_py.engine.pairing import PairedState
from tusd_py.engine.repair import repair
from tusd_py.ports.state import Numbered

DAY = 86400.0
STRANGER = UploadId("f" * 32)


def paired(harness: Harness) -> Engine:
    return replace(harness.engine, state=PairedState(harness.engine))


async def test_a_wrong_pair_serves_nothing(harness: Harness) -> None:
    """With a state and a storage that don't belong together, creating, appending, inspecting, sweeping, collecting
    garbage and repairing raise WrongPair and change nothing."""
    upload = await create(harness.engine, creating(10), ScriptedBody())
    await harness.state.install(Installation(id="a" * 32, stored=True))
    await harness.storage.install("b" * 32)
    harness.storage._parts[STRANGER] = bytearray(b"abc")
    before, engine, body = [*await harness.residue(), *harness.state.saves], paired(harness), ScriptedBody(b"abc")
    harness.now += 1000 * DAY
    for attempt in (
        create(engine, creating(3, body=True), body),
        append(engine, upload.id, appending(0), body),
        inspect(engine, upload.id),
        sweep(engine),
        anext(aiter(collect_garbage(engine)), None),
        anext(aiter(repair(engine, apply=True)), None),
    ):
        with pytest.raises(WrongPair):
            await attempt
    assert not body.continued
    assert [*await harness.residue(), *harness.state.saves] == before


async def test_a_failed_pairing_is_tried_again(harness: Harness) -> None:
    """A pairing that couldn't reach the storage is tried again by the next request."""
    engine = paired(harness)
    harness.storage.installing.blow(times=2)
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await create(engine, creating(10), ScriptedBody())
    assert await harness.uploads() == []
    upload = await create(engine, creating(10), ScriptedBody())
    assert (await inspect(engine, upload.id)).offset == 0
    assert await harness.storage.installation() is not None


async def test_once_found_out_it_costs_nothing(harness: Harness) -> None:
    engine = paired(harness)
    upload = await create(engine, creating(10), ScriptedBody())
    harness.storage.installing.blow(times=1000)
    assert (await inspect(engine, upload.id)).id == upload.id


async def test_requests_share_one_pairing(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Concurrent requests share one attempt to pair; those that have waited too long for it raise Unavailable, while
    the attempt goes on for later requests."""
    monkeypatch.setattr(pairing, "_PATIENCE", 0.05)
    harness.storage.answering.clear()
    state = PairedState(harness.engine)
    outcomes = await asyncio.gather(*(state.load(STRANGER) for _ in range(20)), return_exceptions=True)
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    monkeypatch.setattr(pairing, "_PATIENCE", 60.0)
    harness.storage.answering.set()
    assert await state.load(STRANGER) is None
    assert harness.storage.id_reads == 1
    await state.aclose()


async def test_an_attempt_ends_with_its_state(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "_PATIENCE", 0.0)
    harness.storage.answering.clear()
    state = PairedState(harness.engine)
    with pytest.raises(StorageUnavailable):
        await state.installation()
    await state.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_health_name_and_backlogs_need_no_pairing(harness: Harness) -> None:
    """A `PairedState`, a state store that first pairs a state with its storage, still answers `ping`, `name` and its
    outbox's `backlogs`, from the state alone, if it can't pair, as the storage fails."""
    harness.storage.installing.blow(times=1000)
    state = PairedState(harness.engine)
    await state.ping()
    assert state.name == harness.state.name
    assert state.outbox is not None
    assert list(await state.outbox.backlogs()) == []
    with pytest.raises(StorageUnavailable):
        await state.installation()


async def test_no_event_is_sent_and_no_job_begun_before_it(harness: Harness) -> None:
    harness.storage.installing.blow(times=4)
    state = PairedState(harness.engine)
    assert state.outbox is not None
    for attempt in (
        state.outbox.due("hooks", harness.now, 1),
        state.outbox.prune(harness.now, 1),
        state.jobs.due(harness.now, 1),
        state.jobs.prune(harness.now, 1),
    ):
        with pytest.raises(StorageUnavailable):
            await attempt
    assert list(await state.outbox.due("hooks", now=harness.now, limit=1)) == []
    assert list(await state.jobs.due(now=harness.now, limit=1)) == []


async def test_a_known_pair_answers_as_its_state_does(harness: Harness) -> None:
    state, names = PairedState(harness.engine), ("ann", "bob", "eve")
    ann, bob, _ = [
        await state.create(upload(number, name=name, account=Account(name=name))) for number, name in enumerate(names)
    ]
    assert await state.resolve("bob") == bob.id
    assert list(await state.changed(1, 1)) == [await state.numbered(bob.id)] == [Numbered(upload=bob, seq=2)]
    assert list(await state.usages("ann", 1)) == [await state.usage("bob")]
    assert await state.install(Installation(id="a" * 32)) == await state.installation()
    ann = await state.rewind(ann, [], [event(ann, EventType.ROLLED_BACK, before=7)])
    assert await state.numbered(ann.id) == Numbered(upload=ann, seq=4)


async def test_each_start_while_removal_is_held_back_says_so(harness: Harness) -> None:
    await pair(harness.engine)
    later = second_harness(harness)
    for count in (1, 2):
        await PairedState(later.engine).installation()
        assert later.observer.count("installation adopted") == count
    later.now += 7 * DAY
    await PairedState(later.engine).installation()
    assert later.observer.count("installation adopted") == 2


async def test_a_state_that_fails_is_asked_again(harness: Harness) -> None:
    state = PairedState(harness.engine)
    harness.state.fuse.blow()
    with pytest.raises(StateUnavailable):
        await state.load(STRANGER)
    assert await state.load(STRANGER) is None


async def test_a_known_pair_holds_quotas_and_uses_of_tokens(harness: Harness) -> None:
    """A `PairedState`, a state store that first pairs a state with its storage, passes the quota and the grant of a
    creation, and the quota and the refund of a save, on to that state."""
    state, quota = PairedState(harness.engine), Quota(max_bytes=10)
    grant = Grant(jti="jti", max_uses=1, expires_at=time.time() + 3600)
    ann = await state.create(upload(length=None, account=Account(name="ann")), quota=quota, grant=grant)
    for refused in (
        state.create(upload(2, length=11, account=Account(name="ann")), quota=quota),
        state.save(replace(ann, length=11), quota=quota),
    ):
        with pytest.raises(OverQuota):
            await refused
    with pytest.raises(TokenUsedUp):
        await state.create(upload(3), grant=grant)
    await state.save(replace(ann, phase=Phase.TERMINATING), refund=grant)
    await state.create(upload(3), grant=grant)
