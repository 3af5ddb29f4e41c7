"""Surveys, recovery and clean-up by every storage: of uploads whose records are lost, old, or name bytes that are
gone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import strategies as st

from tests.contracts.examples import Run, a_property, lengths, remove_leftovers, sessions, sizes
from tests.support.storages import Bench
from tests.support.writing import Sender, Session, content, new_upload, random_bytes
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.lifecycle import assume_gone
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Kind, Upload
from tusd_py.ports.inspection import Recovered


def test_what_no_upload_needs_can_be_removed_without_harm(bench: Bench, run: Run) -> None:
    """After any crash, removing the leftovers that no upload needs harms nothing: the upload goes on, and in the end
    there is its object and nothing else."""

    async def scenario(length: int, history: list[Session]) -> None:
        sender = Sender(bench.storage, random_bytes(length))
        await sender.live_through(history)
        await remove_leftovers(bench, sender.upload)
        if sender.upload.phase is Phase.OPEN:
            await sender.send()
        finished = await sender.finish()
        await remove_leftovers(bench, finished)
        assert await content(bench.storage, finished) == sender.data
        assert len(await bench.residue()) == 1
        await bench.storage.discard(finished)

    @a_property(bench, length=lengths(bench), history=st.lists(sessions(bench), max_size=3))
    def _(length: int, history: list[Session]) -> None:
        run(scenario(length, history))


def test_a_lost_record_is_recovered_with_all_bytes(bench: Bench, run: Run) -> None:
    """An open upload with recorded bytes whose record is lost is recovered, after any crash, with at least these bytes;
    it can be continued and becomes an object with all the sender's bytes."""

    async def scenario(length: int, history: list[Session]) -> None:
        sender = Sender(bench.storage, random_bytes(length))
        await sender.live_through(history)
        if sender.upload.phase is Phase.OPEN and sender.upload.offset:
            recovered = await recover(sender.upload)
            assert recovered is not None
            assert sender.upload.offset <= recovered.upload.offset <= length
            sender = Sender(bench.storage, sender.data, replace(recovered.upload, length=length))
            sender.entries = list(recovered.entries)
            await sender.send()
            await remove_leftovers(bench, await sender.finish())
            assert await content(bench.storage, sender.upload) == sender.data
            assert len(await bench.residue()) == 1
        await bench.storage.clean(assume_gone(sender.upload))  # its last save may have failed: it doesn't name all

    async def recover(upload: Upload) -> Recovered | None:
        leftovers = [leftover async for leftover in bench.inspection.leftovers()]
        return await bench.inspection.recover(
            upload.id, [leftover for leftover in leftovers if leftover.upload_id == upload.id]
        )

    @a_property(bench, length=sizes(bench), history=st.lists(sessions(bench), min_size=1, max_size=3))
    def _(length: int, history: list[Session]) -> None:
        run(scenario(length, history))


@pytest.mark.parametrize("kind", [Kind.REGULAR, Kind.PARTIAL])
async def test_what_is_finished_but_not_recorded_is_needed(bench: Bench, kind: Kind) -> None:
    """The object of an upload whose record still says finishing, after a crash or while a hook gives no answer, isn't
    removed as a leftover."""
    length = bench.grain + 3
    sender = Sender(bench.storage, random_bytes(length), new_upload(bench.storage, length, kind=kind))
    await sender.send()
    await bench.storage.finish(sender.upload, sender.entries)
    await remove_leftovers(bench, replace(sender.upload, phase=Phase.FINISHING))
    assert await content(bench.storage, await sender.finish()) == sender.data


async def test_what_a_finished_upload_left_is_not_taken_for_an_upload(bench: Bench) -> None:
    """Leftovers listed before an upload was finished aren't recovered as an upload: the recovered one would overwrite
    the finished object, or remove it on expiry."""
    sender = Sender(bench.storage, random_bytes(3 * bench.grain))
    await sender.send(bench.grain + 3)
    unfinished = sender.upload
    leftovers = [leftover async for leftover in bench.inspection.leftovers()]
    await sender.send()
    await sender.finish()
    assert leftovers
    assert await bench.inspection.recover(unfinished.id, leftovers) is None


async def test_bytes_that_are_there_are_found_to_be(bench: Bench) -> None:
    sender = Sender(bench.storage, random_bytes(3 * bench.grain))
    assert (await bench.storage.survey(sender.upload, sender.entries)).upload == sender.upload
    for size in (3, bench.grain, 2):
        await sender.send(size)
        assert (await bench.storage.survey(sender.upload, sender.entries)).upload == sender.upload
    await sender.send()
    assert (await bench.storage.survey(sender.upload, sender.entries)).upload == sender.upload
    await sender.finish()
    assert (await bench.storage.survey(sender.upload, sender.entries)).upload == sender.upload


async def test_an_unjoined_final_upload_is_found(bench: Bench) -> None:
    """A survey of a final upload that is still to be joined returns the upload unchanged."""
    final = new_upload(bench.storage, 9, kind=Kind.FINAL, offset=9, phase=Phase.FINISHING)
    assert (await bench.storage.survey(final, [])).upload == final


@pytest.mark.parametrize("recorded", ["nothing", "some", "some, and no length"])
async def test_an_old_record_is_matched_to_its_object(bench: Bench, recorded: str) -> None:
    """A survey of an old copy of a record finds the object made since: the upload is done, with its length and ETag.
    Else the end or expiry of the old record would remove the object."""
    sender = Sender(bench.storage, random_bytes(3 * bench.grain))
    if recorded != "nothing":
        await sender.send(bench.grain + 3)
    old, entries = sender.upload, sender.entries
    await sender.send()
    done = await sender.finish()
    length = None if recorded.endswith("no length") else old.length
    surveyed = (await bench.storage.survey(replace(old, length=length), entries)).upload
    assert (surveyed.phase, surveyed.offset, surveyed.length, surveyed.etag) == (
        Phase.DONE,
        done.length,
        done.length,
        done.etag,
    )
    assert await content(bench.storage, surveyed) == sender.data


async def test_a_finished_object_that_vanished_is_found_to_be_lost(bench: Bench) -> None:
    sender = Sender(bench.storage, random_bytes(3 * bench.grain))
    await sender.send()
    await sender.finish()
    await bench.storage.discard(sender.upload)
    with pytest.raises(UploadLost):
        await bench.storage.survey(sender.upload, sender.entries)


@pytest.mark.parametrize("tenths", [1, 10, 14, 30])
async def test_an_upload_whose_bytes_vanished_goes_on_from_the_start(bench: Bench, tenths: int) -> None:
    sender = Sender(bench.storage, random_bytes(3 * bench.grain))
    await sender.send(tenths * bench.grain // 10)
    await bench.storage.discard(sender.upload)
    survey = await bench.storage.survey(sender.upload, sender.entries)
    assert (survey.upload.offset, survey.upload.phase, list(survey.entries)) == (0, Phase.OPEN, [])
    again = Sender(bench.storage, sender.data, survey.upload)
    await again.send()
    await again.finish()
    assert await content(bench.storage, again.upload) == sender.data
    assert len(await bench.residue()) == 1


async def test_what_no_record_names_is_cleaned_away_and_nothing_else(bench: Bench) -> None:
    sender = Sender(bench.storage, random_bytes(3 * bench.grain))
    await sender.send(bench.grain // 2)
    for chunks in ((bench.grain // 3,), (bench.grain, bench.grain // 2)):
        before = sender.upload
        await sender.play(Session(sizes=chunks, survives=0))
        assert sender.upload == before
    await bench.storage.clean(sender.upload)
    await sender.send(bench.grain)
    await bench.storage.clean(sender.upload)
    await sender.send()
    await sender.finish()
    await bench.storage.clean(sender.upload)
    assert await content(bench.storage, sender.upload) == sender.data
    assert len(await bench.residue()) == 1
    await bench.storage.clean(replace(sender.upload, phase=Phase.TERMINATING))
    assert await bench.residue() == []
