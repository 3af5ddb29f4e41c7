"""Texts that tell of troubles: errors for clients, and reports to observers with their fields, such as an upload's id
and the reason."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.contracts.engine.test_finish_and_sweep import begin_upload, finishing
from tests.support.harness import Harness, ScriptedBody, Told
from tests.support.intents import appending, creating, joining
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.errors import StorageUnavailable, Superseded, UploadLost, WrongPair
from tusd_py.domain.events import Reason
from tusd_py.domain.installation import Installation
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import InconsistentLength, TooLarge
from tusd_py.domain.space import Space
from tusd_py.domain.upload import Kind, Upload
from tusd_py.engine import pairing
from tusd_py.engine.append import append
from tusd_py.engine.confirm_loss import confirming_loss
from tusd_py.engine.create import create
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.free_space import FreeSpace
from tusd_py.engine.installation import pair
from tusd_py.engine.lookup import inspect
from tusd_py.engine.pairing import PairedState
from tusd_py.engine.terminate import abandon, terminate
from tusd_py.ports.meter import Meter


async def test_a_loss_that_is_not_confirmed(harness: Harness) -> None:
    upload = await finishing(harness)
    harness.storage.lose = True
    with pytest.raises(StorageUnavailable, match=r"^the recorded bytes are stored after all: repeat the request$"):
        await inspect(harness.engine, upload.id)
    assert ("loss not confirmed", {"upload_id": upload.id, "reason": upload.id}) in harness.observer.troubles


async def test_an_upload_that_goes_on_from_an_earlier_offset(harness: Harness) -> None:
    upload = await begin_upload(harness)
    del harness.storage._parts[upload.id][1:]
    with pytest.raises(StorageUnavailable, match=r"^the record now matches what is stored: ask for the offset$"):
        await append(harness.engine, upload.id, appending(3), ScriptedBody(b"def"))


async def test_a_lost_upload_is_reported_with_its_reason(harness: Harness) -> None:
    """An upload that is found lost becomes terminating with `troubled_at` set, and observers are told of `bytes lost`
    with the upload's id and the text of the UploadLost as the reason."""
    partial = await create(harness.engine, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    final = await create(harness.engine, joining(partial.id), ScriptedBody())
    await harness.state.save(replace(final, phase=Phase.FINISHING, etag=None))
    harness.storage._objects.clear()
    harness.now += 5
    with pytest.raises(UploadLost) as lost:
        await inspect(harness.engine, final.id)
    ended = await harness.record(final)
    assert (ended.phase, ended.troubled_at) == (Phase.TERMINATING, harness.now)
    assert harness.observer.troubles[-1] == ("bytes lost", {"upload_id": final.id, "reason": str(lost.value)})


@pytest.mark.parametrize("deleted", [False, True])
async def test_a_loss_of_what_another_has_moved_on_since(harness: Harness, deleted: bool) -> None:  # noqa: FBT001
    upload = await begin_upload(harness)
    await (harness.state.delete(upload) if deleted else harness.state.save(upload))
    with pytest.raises(Superseded, match=upload.id):
        async with confirming_loss(harness.engine, lambda: upload):
            raise UploadLost("a segment")


async def test_what_is_longer_than_said(harness: Harness) -> None:
    with pytest.raises(InconsistentLength, match=r"^the body has more bytes than the announced length$"):
        await create(harness.engine, creating(2, body=True, strict=True), ScriptedBody(b"abc"))
    upload = await begin_upload(harness)
    with pytest.raises(InconsistentLength, match=r"^more bytes than the upload has: it was removed$"):
        await append(harness.engine, upload.id, replace(appending(3), strict=True), ScriptedBody(b"defg"))
    upload = await begin_upload(harness)
    with pytest.raises(TooLarge, match=r"^the body has more bytes than the upload takes$"):
        await append(harness.engine, upload.id, appending(3), ScriptedBody(b"defg"))


# stores and their room


async def test_each_change_of_room_is_told_with_figures() -> None:
    room, observer = FreeSpace(), Told()
    space: Space | None = Space(free=99, reserve=100)

    async def look() -> Space | None:
        return space

    await room.measure({"state": look}, observer, Meter())
    full = {"store": "state", "free": 99, "reserve": 100}
    assert observer.troubles == [("store almost full", full), ("store full", full)]
    space = None
    await room.measure({"state": look}, observer, Meter())
    empty = {"store": "state", "free": 0, "reserve": 0}
    assert observer.troubles[2:] == [("store has room again", empty), ("store takes uploads again", empty)]


async def test_both_stores_are_asked_for_their_room_by_name(harness: Harness) -> None:
    stores = list[str]()

    class Spaces(Meter):
        def space_seen(self, store: str, free: float, *, full: bool) -> None:  # noqa: ARG002 (the port's signature)
            stores.append(store)

    await replace(harness.engine, meter=Spaces()).measure_stores()
    assert stores == ["state", "storage"]


# installations


async def test_a_wrong_pair_says_what_each_is_of_and_what_to_do(harness: Harness) -> None:
    await harness.state.install(Installation(id="a" * 32, stored=True))
    await harness.storage.install("b" * 32)
    with pytest.raises(WrongPair) as refused:
        await pair(harness.engine)
    assert str(refused.value) == (
        f"state and storage don't belong together: {harness.state.name} is of installation aaaaaaaa, memory: of "
        f"installation bbbbbbbb. Set the storage that this state belongs to, or another state (in a shared Redis: "
        "another redis-prefix). If these two do belong together, say so with tusd-py repair --pair"
    )


async def test_a_wrong_pair_of_uploads_without_an_installation(harness: Harness) -> None:
    await begin_upload(harness)
    await harness.storage.install("b" * 32)
    with pytest.raises(WrongPair, match="is of no installation, but has uploads, memory: of"):
        await pair(harness.engine)


async def test_an_installation_that_was_taken_over(harness: Harness) -> None:
    await harness.storage.install("b" * 32)
    await PairedState(harness.engine).installation()
    ((trouble, fields),) = harness.observer.troubles
    assert trouble == "installation adopted"
    assert fields == {
        "state": harness.state.name,
        "storage": "memory:",
        "reason": "the state was empty, the storage was not: no leftover is removed before a week has passed, or "
        "tusd-py repair --apply has run",
    }


async def test_a_storage_that_does_not_say_yet(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "_PATIENCE", 0.0)
    harness.storage.answering.clear()
    state = PairedState(harness.engine)
    with pytest.raises(StorageUnavailable, match=r"^no answer about the installation yet$"):
        await state.installation()
    assert "pairing" in {task.get_name() for task in asyncio.all_tasks()}
    await state.aclose()


# what could not be removed, finished or looked for


async def test_what_an_ended_upload_left(harness: Harness) -> None:
    upload = await begin_upload(harness)
    harness.storage.fuse.blow()
    await terminate(harness.engine, upload.id)
    assert harness.observer.troubles == [("left behind", {"upload_id": upload.id, "reason": "as told"})]


async def test_an_upload_that_could_not_be_forgotten(harness: Harness) -> None:
    upload = await begin_upload(harness)
    harness.state.fuse.blow()
    await abandon(harness.engine, upload.id, Reason.REFUSED)
    assert harness.observer.troubles == [("left behind", {"upload_id": upload.id, "reason": "as told"})]


async def test_what_no_cursor_names_any_more(harness: Harness) -> None:
    harness.storage.fuse.blow()
    assert not await harness.engine.delete_superseded([], [])
    assert harness.observer.troubles == [("left behind", {"reason": "as told"})]


async def test_a_sweep_that_could_not_finish_an_upload(harness: Harness) -> None:
    upload = await finishing(harness)
    harness.now += 60
    harness.storage.fuse.blow()
    await sweep(harness.engine)
    assert ("finish failed", {"upload_id": upload.id, "reason": "as told"}) in harness.observer.troubles


async def test_a_sweep_that_could_not_look_through_a_finished_upload(harness: Harness) -> None:
    done = await append(harness.engine, (await begin_upload(harness)).id, appending(3), ScriptedBody(b"def"))
    await harness.state.save(replace(done, troubled_at=harness.now))
    harness.now += 60

    async def away(upload: Upload) -> None:
        raise StorageUnavailable(f"no {upload.phase}")

    harness.storage.clean = away  # type: ignore[method-assign]
    await sweep(harness.engine)
    assert harness.observer.troubles == [("left behind", {"upload_id": done.id, "reason": "no done"})]
    assert (await harness.record(done)).troubled_at == harness.now


async def test_a_sweep_that_could_not_see_to_an_upload(harness: Harness) -> None:
    upload = await begin_upload(harness)
    harness.now += 100
    harness.state.fuse.blow()
    assert await sweep(harness.engine) == 0
    assert harness.observer.troubles == [("left behind", {"upload_id": upload.id, "reason": "as told"})]


async def test_bytes_that_do_not_have_the_digest_that_was_announced(harness: Harness) -> None:
    wrong = WholeDigest(algorithm="sha256", value="0" * 64)
    upload = await create(harness.engine, creating(3, whole=wrong), ScriptedBody())
    with pytest.raises(UploadLost, match=r"^its bytes don't have the digest that was announced$"):
        await append(harness.engine, upload.id, appending(0), ScriptedBody(b"abc"))
