"""What repairs, sweeps and garbage rounds do to uploads: never to one in use, and told in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.contracts.engine.test_finish_and_sweep import begun, finishing
from tests.support.direct_access import direct
from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import appending, creating, joining
from tusd_py.engine import mending
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.direct import announce
from tusd_py.engine.loss import follow, partials_of
from tusd_py.engine.repair import repair
from tusd_py.engine.sweep import sweep
from tusd_py.engine.tidy import removed, tidy
from tusd_py.errors import Locked, StorageUnavailable, Superseded, UploadLost
from tusd_py.model import Direct, Kind, Phase, Upload, UploadId
from tusd_py.protocol.intents import Begin
from tusd_py.storage.base import Leftover, Recovered, Survey

Step = Callable[[Engine, Upload], Awaitable[object]]

STEPS: dict[str, Step] = {
    "rebuild": lambda engine, upload: mending.rebuild(engine.ports, Recovered(upload=upload)),
    "end": lambda engine, upload: mending.end(engine.ports, upload),
    "finish": lambda engine, upload: mending.finish(engine.ports, upload),
    "catch up": lambda engine, upload: mending.catch_up(engine.ports, upload, Survey(upload=upload)),
    "take back": lambda engine, upload: mending.take_back(engine.ports, upload, Survey(upload=upload)),
    "remove": lambda engine, upload: mending.remove(engine.ports, upload),
}


class Held:
    """An upload in use, by a holder that notes when it is asked to leave."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        self.asked = True


@pytest.mark.parametrize("step", STEPS)
async def test_a_repair_neither_waits_for_a_holder_nor_asks_it_to_leave(engine: Engine, step: str) -> None:
    upload, held = await begun(engine), Held()
    async with engine.locker.hold(upload.id, on_release_request=held.ask, wait=0):
        with pytest.raises(Locked):
            await STEPS[step](engine, upload)
    assert not held.asked
    assert await engine.record(upload) == upload


async def test_neither_does_a_sweep(engine: Engine) -> None:
    upload, held = await begun(engine), Held()
    engine.ports.unrecorded.add(upload.id)
    engine.now += 100
    async with engine.locker.hold(upload.id, on_release_request=held.ask, wait=0):
        assert await sweep(engine.ports) == 0
    assert not held.asked
    assert await engine.record(upload) == upload


async def test_neither_does_a_garbage_round_which_one_node_does_at_a_time(engine: Engine) -> None:
    engine.storage._parts[UploadId("f" * 32)] = bytearray(b"abc")
    turn, held = UploadId("0" * 32), Held()
    async with engine.locker.hold(turn, on_release_request=held.ask, wait=0):
        assert [found async for found in tidy(engine.ports)] == []
    assert not held.asked


async def test_an_upload_is_ended_before_anything_of_it_is_removed(engine: Engine) -> None:
    upload = await begun(engine)
    engine.storage.fuse.blow()
    with pytest.raises(StorageUnavailable, match=r"^the storage won't let go of it now$"):
        await mending.end(engine.ports, upload)
    assert (await engine.record(upload)).phase is Phase.TERMINATING


async def test_what_is_rebuilt_has_its_entries(engine: Engine) -> None:
    upload = await begun(engine)
    await engine.state.delete(upload)
    assert await mending.rebuild(engine.ports, Recovered(upload=upload, entries=[{"part": 1}])) == "rebuilt"
    assert list(await engine.state.entries(upload.id)) == [{"part": 1}]
    with pytest.raises(Superseded, match=upload.id):
        await mending.rebuild(engine.ports, Recovered(upload=upload))


async def test_a_final_upload_that_misses_a_partial_can_not_be_finished(engine: Engine) -> None:
    partial = await create(engine.ports, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    final = await create(engine.ports, joining(partial.id), ScriptedBody())
    final = await engine.state.save(replace(final, phase=Phase.FINISHING, etag=None))
    engine.storage._objects.clear()
    assert await mending.finish(engine.ports, final) == "ended, as bytes of it are gone"
    assert final.id not in engine.storage._objects


async def test_a_partial_that_is_gone_is_said_to_be(engine: Engine) -> None:
    upload = await begun(engine)
    final = replace(upload, kind=Kind.FINAL, partials=(UploadId("e" * 32),))
    with pytest.raises(UploadLost, match=r"^a partial upload is gone$"):
        await partials_of(engine.ports, final)


async def test_what_is_not_garbage_any_more_is_in_use(engine: Engine) -> None:
    upload = await begun(engine)
    leftover = Leftover(upload_id=upload.id, name="part", since=0)
    with pytest.raises(Superseded, match=upload.id):
        await mending.tidy_up(engine.ports, leftover)
    assert upload.id in engine.storage._parts
    assert not await removed(engine.ports, leftover, dry_run=False)


async def test_garbage_is_removed_when_it_is_mended(engine: Engine) -> None:
    stranger = UploadId("f" * 32)
    engine.storage._parts[stranger] = bytearray(b"abc")
    assert await mending.tidy_up(engine.ports, Leftover(upload_id=stranger, name="part", since=0)) == "removed"
    assert stranger not in engine.storage._parts


async def test_what_is_only_looked_at_is_told_in_the_same_words(engine: Engine) -> None:
    waiting = await finishing(engine)
    done = await append(engine.ports, (await begun(engine)).id, appending(3), ScriptedBody(b"def"))
    del engine.storage._objects[done.id]
    leftover = await append(engine.ports, (await begun(engine)).id, appending(3), ScriptedBody(b"def"))
    engine.storage._parts[leftover.id] = bytearray(b"abc")
    told = {mended.upload_id: mended.sentence async for mended in repair(engine.ports, apply=False)}
    assert told == {
        waiting.id: "all its bytes are recorded, but it isn't finished: would be finished",
        done.id: "its object is gone, or is another: would be ended",
        leftover.id: f"nothing needs {leftover.id}: would be removed",
    }


async def test_a_found_object_is_told_in_the_same_words(engine: Engine) -> None:
    upload = await begun(engine)
    engine.storage._objects[upload.id] = b"abcdef"
    (mended,) = [mended async for mended in repair(engine.ports, apply=False)]
    assert mended.sentence == "its object is there, but its record is older: would be finished"


async def test_an_object_with_another_digest_than_announced_ends_its_upload(engine: Engine) -> None:
    upload = await begun(engine)
    upload = await engine.state.save(replace(upload, digest_algorithm="sha256", digest="0" * 64))
    engine.storage._objects[upload.id] = b"abcdef"
    survey = await engine.storage.survey(upload, ())
    told = await mending.catch_up(engine.ports, upload, survey)
    assert told == "ended, as its bytes are not those that were announced"


async def test_a_sweep_that_could_not_look_for_what_was_awaited_leaves_it(engine: Engine) -> None:
    access = direct(engine)
    upload = await announce(engine.ports, Begin(direct=Direct.WHOLE))
    engine.now += 2000

    async def away(_: Upload) -> int | None:
        raise StorageUnavailable("as told")

    access.found = away  # type: ignore[method-assign,assignment]
    assert await sweep(engine.ports) == 0
    assert engine.told.troubles == [("look-failed", {"upload_id": upload.id, "reason": "as told"})]
    assert (await engine.record(upload)).phase is Phase.OPEN


async def test_a_writer_that_lost_its_turn_cleans_only_after_an_end(engine: Engine) -> None:
    upload = await begun(engine)
    for gone in (False, True):
        if gone:
            await engine.state.delete(upload)
        with pytest.raises(Superseded):
            async with engine.ports.records.outlived(upload):
                raise Superseded
        assert engine.storage.listed == [upload.id] * gone
    assert upload.id not in engine.storage._parts


async def test_each_wait_for_a_turn_is_told_once(engine: Engine) -> None:
    upload = await begun(engine)
    waits = list[tuple[float, bool]]()

    def waited(seconds: float, *, got: bool) -> None:
        waits.append((seconds, got))

    engine.ports.meter.lock_waited = waited  # type: ignore[method-assign]
    async with engine.ports.hold(upload.id):
        with pytest.raises(Locked, match=f"^upload {upload.id} is held$"):
            async with engine.ports.hold(upload.id, wait=0):
                pass
        with pytest.raises(Locked, match=f"^upload {upload.id} did not get free in 0.01 s$"):
            async with engine.ports.hold(upload.id, wait=0.01):
                pass
    with pytest.raises(Locked):
        async with engine.ports.hold(upload.id):
            raise Locked
    assert [got for _, got in waits] == [True, False, False, True]
    assert all(0 <= seconds < 60 for seconds, _ in waits)


async def test_a_record_that_follows_the_storage_has_seen_trouble_and_goes_back_only_if_it_must(
    engine: Engine,
) -> None:
    upload = await begun(engine)
    engine.now += 5
    moved = await follow(engine.ports, upload, Survey(upload=upload))
    assert (moved.offset, moved.troubled_at) == (3, engine.now)
    assert engine.told.count("rolled-back") == 0


async def test_an_object_is_not_believed_before_its_digest_is_known(engine: Engine) -> None:
    upload = await begun(engine)
    upload = await engine.state.save(replace(upload, digest_algorithm="sha256"))
    engine.storage._objects[upload.id] = b"abcdef"
    survey = await engine.storage.survey(upload, ())
    assert (await follow(engine.ports, upload, survey)).phase is Phase.FINISHING
    assert engine.told.count("finished") == 0
