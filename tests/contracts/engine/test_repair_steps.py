"""Steps of repairs, sweeps and garbage collection leave an upload alone whose lock is held; those of a repair return a
phrase that says what they did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.contracts.engine.test_finish_and_sweep import begin_upload, finishing
from tests.support.direct_access import direct
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, joining
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.errors import Locked, StorageUnavailable, Superseded, UploadLost
from tusd_py.domain.intents import Begin
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine import repair_steps
from tusd_py.engine.append import append
from tusd_py.engine.confirm_loss import follow, partials_of
from tusd_py.engine.create import create
from tusd_py.engine.direct import announce
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.garbage_collection import collect_garbage, remove_unneeded
from tusd_py.engine.repair import repair
from tusd_py.ports.inspection import Leftover, Recovered
from tusd_py.ports.storage import Survey

Step = Callable[[Harness, Upload], Awaitable[object]]

STEPS: dict[str, Step] = {
    "rebuild": lambda harness, upload: repair_steps.rebuild(harness.engine, Recovered(upload=upload)),
    "end": lambda harness, upload: repair_steps.end(harness.engine, upload),
    "finish": lambda harness, upload: repair_steps.finish(harness.engine, upload),
    "catch up": lambda harness, upload: repair_steps.catch_up(harness.engine, upload, Survey(upload=upload)),
    "take back": lambda harness, upload: repair_steps.take_back(harness.engine, upload, Survey(upload=upload)),
    "remove": lambda harness, upload: repair_steps.remove(harness.engine, upload),
}


class Held:
    """A lock holder that notes in `release_requested` that it was asked to release the lock."""

    def __init__(self) -> None:
        self.release_requested = False

    def ask(self) -> None:
        self.release_requested = True


@pytest.mark.parametrize("step", STEPS)
async def test_a_repair_leaves_lock_holders_alone(harness: Harness, step: str) -> None:
    """A repair neither waits for a lock holder nor asks it to release."""
    upload, holder = await begin_upload(harness), Held()
    async with harness.locker.hold(upload.id, on_release_request=holder.ask, wait=0):
        with pytest.raises(Locked):
            await STEPS[step](harness, upload)
    assert not holder.release_requested
    assert await harness.record(upload) == upload


async def test_neither_does_a_sweep(harness: Harness) -> None:
    upload, holder = await begin_upload(harness), Held()
    harness.engine.unrecorded.add(upload.id)
    harness.now += 100
    async with harness.locker.hold(upload.id, on_release_request=holder.ask, wait=0):
        assert await sweep(harness.engine) == 0
    assert not holder.release_requested
    assert await harness.record(upload) == upload


async def test_an_hourly_round_leaves_its_lock_holder_alone(harness: Harness) -> None:
    """While one node collects garbage, a second one collects none, and doesn't ask the first to release its lock."""
    harness.storage._parts[UploadId("f" * 32)] = bytearray(b"abc")
    turn, holder = UploadId("0" * 32), Held()
    async with harness.locker.hold(turn, on_release_request=holder.ask, wait=0):
        assert [leftover async for leftover in collect_garbage(harness.engine)] == []
    assert not holder.release_requested


async def test_an_upload_is_ended_before_anything_of_it_is_removed(harness: Harness) -> None:
    upload = await begin_upload(harness)
    harness.storage.fuse.blow()
    with pytest.raises(StorageUnavailable, match=r"^the storage can't remove it now: try again later$"):
        await repair_steps.end(harness.engine, upload)
    assert (await harness.record(upload)).phase is Phase.TERMINATING


async def test_what_is_rebuilt_has_its_entries(harness: Harness) -> None:
    upload = await begin_upload(harness)
    await harness.state.delete(upload)
    assert await repair_steps.rebuild(harness.engine, Recovered(upload=upload, entries=[{"part": 1}])) == "rebuilt"
    assert list(await harness.state.entries(upload.id)) == [{"part": 1}]
    with pytest.raises(Superseded, match=upload.id):
        await repair_steps.rebuild(harness.engine, Recovered(upload=upload))


async def test_what_is_rebuilt_and_cannot_be_finished_says_so(harness: Harness) -> None:
    upload = await begin_upload(harness)
    await harness.state.delete(upload)
    harness.storage._parts[upload.id] = bytearray(b"abcdef")
    wrong = WholeDigest(algorithm="sha256", value="0" * 64)
    full = replace(upload, offset=6, length=6, phase=Phase.FINISHING, digest=wrong)
    sentence = await repair_steps.rebuild(harness.engine, Recovered(upload=full))
    assert sentence == "rebuilt, and ended, as its bytes are not those that were announced"
    assert (await harness.state.load(upload.id)) is None


async def test_a_missing_partial_prevents_the_final_upload(harness: Harness) -> None:
    """A repair ends a finishing final upload that has no object if the object of one of its partial uploads is gone."""
    partial = await create(harness.engine, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    final = await create(harness.engine, joining(partial.id), ScriptedBody())
    final = await harness.state.save(replace(final, phase=Phase.FINISHING, etag=None))
    harness.storage._objects.clear()
    assert await repair_steps.finish(harness.engine, final) == "ended, as bytes of it are gone"
    assert final.id not in harness.storage._objects


async def test_a_partial_that_is_gone_is_said_to_be(harness: Harness) -> None:
    upload = await begin_upload(harness)
    final = replace(upload, kind=Kind.FINAL, partials=(UploadId("e" * 32),))
    with pytest.raises(UploadLost, match=r"^a partial upload is gone$"):
        await partials_of(harness.engine, final)


async def test_what_is_no_orphan_any_more_is_in_use(harness: Harness) -> None:
    upload = await begin_upload(harness)
    leftover = Leftover(upload_id=upload.id, name="part", since=0)
    with pytest.raises(Superseded, match=upload.id):
        await repair_steps.remove_leftover(harness.engine, leftover)
    assert upload.id in harness.storage._parts
    assert not await remove_unneeded(harness.engine, leftover, dry_run=False)


async def test_an_orphan_is_removed_when_it_is_mended(harness: Harness) -> None:
    stranger = UploadId("f" * 32)
    harness.storage._parts[stranger] = bytearray(b"abc")
    assert (
        await repair_steps.remove_leftover(harness.engine, Leftover(upload_id=stranger, name="part", since=0))
        == "removed"
    )
    assert stranger not in harness.storage._parts


async def test_what_is_only_looked_at_is_told_in_the_same_words(harness: Harness) -> None:
    waiting = await finishing(harness)
    done = await append(harness.engine, (await begin_upload(harness)).id, appending(3), ScriptedBody(b"def"))
    del harness.storage._objects[done.id]
    leftover = await append(harness.engine, (await begin_upload(harness)).id, appending(3), ScriptedBody(b"def"))
    harness.storage._parts[leftover.id] = bytearray(b"abc")
    sentences = {mended.upload_id: mended.sentence async for mended in repair(harness.engine, apply=False)}
    assert sentences == {
        waiting.id: "all its bytes are recorded, but it isn't finished: would be finished",
        done.id: "its object is gone, or is another: would be ended",
        leftover.id: f"nothing needs {leftover.id}: would be removed",
    }


async def test_a_found_object_is_told_in_the_same_words(harness: Harness) -> None:
    upload = await begin_upload(harness)
    harness.storage._objects[upload.id] = b"abcdef"
    (mended,) = [mended async for mended in repair(harness.engine, apply=False)]
    assert mended.sentence == "its object is there, but its record is older: would be finished"


async def test_a_wrong_digest_ends_the_upload(harness: Harness) -> None:
    """An object with another digest than announced ends its upload."""
    upload = await begin_upload(harness)
    upload = await harness.state.save(replace(upload, digest=WholeDigest(algorithm="sha256", value="0" * 64)))
    harness.storage._objects[upload.id] = b"abcdef"
    survey = await harness.storage.survey(upload, ())
    sentence = await repair_steps.catch_up(harness.engine, upload, survey)
    assert sentence == "ended, as its bytes are not those that were announced"


async def test_a_failed_look_keeps_the_upload(harness: Harness) -> None:
    """A sweep that fails to look for an awaited object reports that, and leaves the upload open."""
    access = direct(harness)
    upload = await announce(harness.engine, Begin(mode=DirectMode.WHOLE))
    harness.now += 2000

    async def away(_: Upload) -> int | None:
        raise StorageUnavailable("as told")

    access.object_length = away  # type: ignore[method-assign,assignment]
    assert await sweep(harness.engine) == 0
    assert harness.observer.troubles == [("look failed", {"upload_id": upload.id, "reason": "as told"})]
    assert (await harness.record(upload)).phase is Phase.OPEN


async def test_a_writer_that_lost_its_turn_cleans_only_after_an_end(harness: Harness) -> None:
    upload = await begin_upload(harness)
    for deleted in (False, True):
        if deleted:
            await harness.state.delete(upload)
        with pytest.raises(Superseded):
            async with harness.engine.records.cleaning_if_superseded(upload):
                raise Superseded
        assert harness.storage.listed == [upload.id] * deleted
    assert upload.id not in harness.storage._parts


async def test_each_wait_for_a_turn_is_told_once(harness: Harness) -> None:
    upload = await begin_upload(harness)
    waits = list[tuple[float, bool]]()

    def waited(seconds: float, *, got: bool) -> None:
        waits.append((seconds, got))

    harness.engine.meter.lock_waited = waited  # type: ignore[method-assign]
    async with harness.engine.hold(upload.id):
        with pytest.raises(Locked, match=f"^upload {upload.id} is held$"):
            async with harness.engine.hold(upload.id, wait=0):
                pass
        with pytest.raises(Locked, match=f"^upload {upload.id} did not get free in 0.01 s$"):
            async with harness.engine.hold(upload.id, wait=0.01):
                pass
    with pytest.raises(Locked):
        async with harness.engine.hold(upload.id):
            raise Locked
    assert [got for _, got in waits] == [True, False, False, True]
    assert all(0 <= seconds < 60 for seconds, _ in waits)


async def test_a_repaired_record_has_seen_trouble(
    harness: Harness,
) -> None:
    """`follow`, which records an upload as the storage has it, sets `troubled_at`, and rolls back only if bytes are
    gone."""
    upload = await begin_upload(harness)
    harness.now += 5
    moved = await follow(harness.engine, upload, Survey(upload=upload))
    assert (moved.offset, moved.troubled_at) == (3, harness.now)
    assert harness.observer.count("rolled-back") == 0


async def test_an_object_is_not_believed_before_its_digest_is_known(harness: Harness) -> None:
    upload = await begin_upload(harness)
    upload = await harness.state.save(replace(upload, digest=WholeDigest(algorithm="sha256")))
    harness.storage._objects[upload.id] = b"abcdef"
    survey = await harness.storage.survey(upload, ())
    assert (await follow(harness.engine, upload, survey)).phase is Phase.FINISHING
    assert harness.observer.count("finished") == 0
