"""What operators and clients read of troubles: which upload, and why."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.contracts.engine.test_finish_and_sweep import begun, finishing
from tests.support.engine import Engine, ScriptedBody, Told
from tests.support.intents import appending, creating, joining
from tusd_py.engine import pairing
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.installation import pair
from tusd_py.engine.lookup import inspect
from tusd_py.engine.loss import settling_loss
from tusd_py.engine.pairing import PairedState
from tusd_py.engine.room import Room
from tusd_py.engine.sweep import sweep
from tusd_py.engine.terminate import abandon, terminate
from tusd_py.errors import StorageUnavailable, Superseded, UploadLost, WrongPair
from tusd_py.events import Meter, Reason
from tusd_py.model import Installation, Kind, Phase, Upload
from tusd_py.protocol.intents import Whole
from tusd_py.protocol.refusals import InconsistentLength, TooLarge
from tusd_py.space import Space


async def test_a_loss_that_is_not_confirmed(engine: Engine) -> None:
    upload = await finishing(engine)
    engine.storage.lose = True
    with pytest.raises(StorageUnavailable, match=r"^what the record names is there after all: go on as before$"):
        await inspect(engine.ports, upload.id)
    assert ("loss-not-confirmed", {"upload_id": upload.id, "reason": upload.id}) in engine.told.troubles


async def test_an_upload_that_goes_on_from_an_earlier_offset(engine: Engine) -> None:
    upload = await begun(engine)
    del engine.storage._parts[upload.id][1:]
    with pytest.raises(StorageUnavailable, match=r"^the upload goes on from what is there: ask for its offset$"):
        await append(engine.ports, upload.id, appending(3), ScriptedBody(b"def"))


async def test_an_upload_that_is_lost_is_named_with_why_and_known_to_have_seen_trouble(engine: Engine) -> None:
    partial = await create(engine.ports, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    final = await create(engine.ports, joining(partial.id), ScriptedBody())
    await engine.state.save(replace(final, phase=Phase.FINISHING, etag=None))
    engine.storage._objects.clear()
    engine.now += 5
    with pytest.raises(UploadLost) as lost:
        await inspect(engine.ports, final.id)
    ended = await engine.record(final)
    assert (ended.phase, ended.troubled_at) == (Phase.TERMINATING, engine.now)
    assert engine.told.troubles[-1] == ("upload-lost", {"upload_id": final.id, "reason": str(lost.value)})


@pytest.mark.parametrize("gone", [False, True])
async def test_a_loss_of_what_another_has_moved_on_since(engine: Engine, gone: bool) -> None:  # noqa: FBT001
    upload = await begun(engine)
    await (engine.state.delete(upload) if gone else engine.state.save(upload))
    with pytest.raises(Superseded, match=upload.id):
        async with settling_loss(engine.ports, lambda: upload):
            raise UploadLost("a segment")


async def test_what_is_longer_than_said(engine: Engine) -> None:
    with pytest.raises(InconsistentLength, match=r"^more bytes than the upload was said to have$"):
        await create(engine.ports, creating(2, body=True, strict=True), ScriptedBody(b"abc"))
    upload = await begun(engine)
    with pytest.raises(InconsistentLength, match=r"^more bytes than the upload has: it was removed$"):
        await append(engine.ports, upload.id, replace(appending(3), strict=True), ScriptedBody(b"defg"))
    upload = await begun(engine)
    with pytest.raises(TooLarge, match=r"^the body has more bytes than the upload takes$"):
        await append(engine.ports, upload.id, appending(3), ScriptedBody(b"defg"))


# stores and their room


async def test_each_change_of_room_is_told_with_figures() -> None:
    room, told = Room(), Told()
    space: Space | None = Space(free=99, reserve=100)

    async def look() -> Space | None:
        return space

    await room.look({"state": look}, told, Meter())
    full = {"store": "state", "free": 99, "reserve": 100}
    assert told.troubles == [("store almost full", full), ("store full", full)]
    space = None
    await room.look({"state": look}, told, Meter())
    empty = {"store": "state", "free": 0, "reserve": 0}
    assert told.troubles[2:] == [("store has room again", empty), ("store takes uploads again", empty)]


async def test_both_stores_are_asked_for_their_room_by_name(engine: Engine) -> None:
    stores = list[str]()

    class Spaces(Meter):
        def space_seen(self, store: str, free: float, *, full: bool) -> None:  # noqa: ARG002 (the port's signature)
            stores.append(store)

    await replace(engine.ports, meter=Spaces()).look_at_room()
    assert stores == ["state", "storage"]


# installations


async def test_a_wrong_pair_says_what_each_is_of_and_what_to_do(engine: Engine) -> None:
    await engine.state.install(Installation(id="a" * 32, stored=True))
    await engine.storage.install("b" * 32)
    with pytest.raises(WrongPair) as refused:
        await pair(engine.ports)
    assert str(refused.value) == (
        f"state and storage don't belong together: {engine.state.name} is of installation aaaaaaaa, memory: of "
        f"installation bbbbbbbb. Set the storage that this state belongs to, or another state (in a shared Redis: "
        "another redis-prefix). If these two do belong together, say so with tusd-py repair --pair"
    )


async def test_a_wrong_pair_of_uploads_without_an_installation(engine: Engine) -> None:
    await begun(engine)
    await engine.storage.install("b" * 32)
    with pytest.raises(WrongPair, match="is of no installation, but has uploads, memory: of"):
        await pair(engine.ports)


async def test_an_installation_that_was_taken_over(engine: Engine) -> None:
    await engine.storage.install("b" * 32)
    await PairedState(engine.ports).installation()
    ((what, fields),) = engine.told.troubles
    assert what == "installation-adopted"
    assert fields == {
        "state": engine.state.name,
        "storage": "memory:",
        "reason": "the state was empty, the storage was not: no garbage is collected before a week has passed, or "
        "tusd-py repair --apply has run",
    }


async def test_a_storage_that_does_not_say_yet(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "_PATIENCE", 0.0)
    engine.storage.answering.clear()
    state = PairedState(engine.ports)
    with pytest.raises(StorageUnavailable, match=r"^no answer about the installation yet$"):
        await state.installation()
    assert "pairing" in {task.get_name() for task in asyncio.all_tasks()}
    await state.aclose()


# what could not be removed, finished or looked for


async def test_what_an_ended_upload_left(engine: Engine) -> None:
    upload = await begun(engine)
    engine.storage.fuse.blow()
    await terminate(engine.ports, upload.id)
    assert engine.told.troubles == [("left-behind", {"upload_id": upload.id, "reason": "as told"})]


async def test_an_upload_that_could_not_be_forgotten(engine: Engine) -> None:
    upload = await begun(engine)
    engine.state.fuse.blow()
    await abandon(engine.ports, upload.id, Reason.REFUSED)
    assert engine.told.troubles == [("left-behind", {"upload_id": upload.id, "reason": "as told"})]


async def test_what_no_cursor_names_any_more(engine: Engine) -> None:
    engine.storage.fuse.blow()
    assert not await engine.ports.sweep([], [])
    assert engine.told.troubles == [("left-behind", {"reason": "as told"})]


async def test_a_sweep_that_could_not_finish_an_upload(engine: Engine) -> None:
    upload = await finishing(engine)
    engine.now += 60
    engine.storage.fuse.blow()
    await sweep(engine.ports)
    assert ("finish-failed", {"upload_id": upload.id, "reason": "as told"}) in engine.told.troubles


async def test_a_sweep_that_could_not_look_through_a_finished_upload(engine: Engine) -> None:
    done = await append(engine.ports, (await begun(engine)).id, appending(3), ScriptedBody(b"def"))
    await engine.state.save(replace(done, troubled_at=engine.now))
    engine.now += 60

    async def away(upload: Upload) -> None:
        raise StorageUnavailable(f"no {upload.phase}")

    engine.storage.clean = away  # type: ignore[method-assign]
    await sweep(engine.ports)
    assert engine.told.troubles == [("left-behind", {"upload_id": done.id, "reason": "no done"})]
    assert (await engine.record(done)).troubled_at == engine.now


async def test_a_sweep_that_could_not_see_to_an_upload(engine: Engine) -> None:
    upload = await begun(engine)
    engine.now += 100
    engine.state.fuse.blow()
    assert await sweep(engine.ports) == 0
    assert engine.told.troubles == [("left-behind", {"upload_id": upload.id, "reason": "as told"})]


async def test_bytes_that_do_not_have_the_digest_that_was_announced(engine: Engine) -> None:
    wrong = Whole(algorithm="sha256", digest="0" * 64)
    upload = await create(engine.ports, creating(3, whole=wrong), ScriptedBody())
    with pytest.raises(UploadLost, match=r"^its bytes don't have the digest that was announced$"):
        await append(engine.ports, upload.id, appending(0), ScriptedBody(b"abc"))
