"""What every storage promises (`tusd_py/storage/base.py`); every maker passes all of it, through the port alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.storages import Bench
from tests.support.writing import FakeLease, Journal, Sender, Session, content, new_upload, random_bytes, stored
from tusd_py.errors import Superseded, UploadLost
from tusd_py.model import Kind, Phase, Span, Upload, UploadId
from tusd_py.storage.base import Recovered

Run = Callable[[Coroutine[Any, Any, None]], None]


def sizes(bench: Bench) -> st.SearchStrategy[int]:
    """Counts of bytes, mostly where parts and checkpoints begin and end."""
    grain = bench.grain
    edges = (1, 2, grain // 3, grain - 1, grain, grain + 1, 2 * grain, 2 * grain + 1)
    return st.sampled_from(edges) | st.integers(1, 3 * grain)


def sessions(bench: Bench) -> st.SearchStrategy[Session]:
    """Requests that end well, are cut, or lose their state store half-way."""
    return st.builds(
        Session,
        sizes=st.lists(sizes(bench), max_size=4),
        flush=st.booleans(),
        survives=st.just(math.inf) | st.integers(0, 3),
        answer_lost=st.booleans(),
    )


def a_property(bench: Bench, **strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], None]:
    """Hold a property now, with as many examples as this storage has time for."""

    def hold(check: Callable[..., None]) -> None:
        settings(max_examples=bench.max_examples, deadline=None)(given(**strategies)(check))()

    return hold


def lengths(bench: Bench) -> st.SearchStrategy[int]:
    return st.just(0) | sizes(bench)


def test_however_the_bytes_come_the_object_is_those_bytes(bench: Bench, run: Run) -> None:
    """Any split over any sequence of writers, whichever of them die, and whenever: nothing told is lost or twisted."""

    async def scenario(length: int, history: list[Session]) -> None:
        sender = Sender(bench.storage, random_bytes(length))
        for session in history:
            if sender.upload.phase is Phase.OPEN:
                await sender.play(session)
        if sender.upload.phase is Phase.OPEN:
            await sender.send()
        finished = await sender.finish()
        assert await content(bench.storage, finished) == sender.data
        await bench.storage.discard(finished)
        assert await bench.residue() == []

    @a_property(bench, length=lengths(bench), history=st.lists(sessions(bench), max_size=5))
    def _(length: int, history: list[Session]) -> None:
        run(scenario(length, history))


def test_a_length_that_is_declared_late_changes_nothing(bench: Bench, run: Run) -> None:
    async def scenario(pieces: list[int], *, with_the_last: bool) -> None:
        sender = Sender(bench.storage, random_bytes(sum(pieces)), new_upload(bench.storage, None))
        for piece in pieces[:-1]:
            await sender.send(piece)
        if with_the_last:
            sender.upload = replace(sender.upload, length=sum(pieces))
        await sender.send()
        if not with_the_last:
            sender.upload = replace(sender.upload, length=sum(pieces), phase=Phase.FINISHING)
        finished = await sender.finish()
        assert await content(bench.storage, finished) == sender.data

    @a_property(bench, pieces=st.lists(sizes(bench), min_size=1, max_size=4), with_the_last=st.booleans())
    def _(pieces: list[int], with_the_last: bool) -> None:  # noqa: FBT001 - hypothesis calls it
        run(scenario(pieces, with_the_last=with_the_last))


def test_one_that_waits_is_made_when_it_does_so_no_more_and_as_often_as_asked(bench: Bench, run: Run) -> None:
    """All its bytes are there before anybody says that they are all."""

    async def scenario(pieces: list[int]) -> None:
        data = random_bytes(sum(pieces))
        sender = Sender(bench.storage, data, replace(new_upload(bench.storage, len(data)), waits=True))
        for piece in pieces:
            await sender.send(piece)
        assert (sender.upload.offset, sender.upload.phase) == (len(data), Phase.OPEN)
        sender.upload = replace(sender.upload, waits=False, phase=Phase.FINISHING)
        await bench.storage.finish(sender.upload, sender.entries)
        assert await content(bench.storage, await sender.finish()) == data

    @a_property(bench, pieces=st.lists(sizes(bench), min_size=1, max_size=4))
    def _(pieces: list[int]) -> None:
        run(scenario(pieces))


def test_an_abandoned_upload_leaves_nothing_once_discarded(bench: Bench, run: Run) -> None:
    async def scenario(session: Session) -> None:
        sender = Sender(bench.storage, random_bytes(10 * bench.grain))
        await sender.send(bench.grain // 3)
        await sender.play(session)
        await bench.storage.discard(sender.upload)
        assert await bench.residue() == []

    @a_property(bench, session=sessions(bench))
    def _(session: Session) -> None:
        run(scenario(session))


def test_every_span_of_an_object_is_that_slice_of_its_bytes(bench: Bench, run: Run) -> None:
    data = random_bytes(2 * bench.grain + 7)
    finished: list[Upload] = []

    async def prepare() -> None:
        finished.append(await stored(bench.storage, data))

    async def scenario(start: int, length: int) -> None:
        span = Span(start, min(start + length, len(data)))
        assert await content(bench.storage, finished[0], span) == data[span.start : span.stop]

    run(prepare())

    @a_property(bench, start=st.integers(0, len(data) - 1), length=sizes(bench))
    def _(start: int, length: int) -> None:
        run(scenario(start, length))


def test_a_final_upload_is_its_partials_in_order(bench: Bench, run: Run) -> None:
    async def scenario(parts: list[int], order: list[int]) -> None:
        partials = [await stored(bench.storage, random_bytes(size), kind=Kind.PARTIAL) for size in parts]
        sources = [partials[index % len(partials)] for index in order]
        expected = b"".join(random_bytes(parts[index % len(parts)]) for index in order)
        final = final_upload(bench, sources)
        made = await bench.storage.concatenate(final, sources)
        assert await bench.storage.concatenate(final, sources) == made, "not the same when repeated"
        done = replace(final, phase=Phase.DONE, cursor=made.cursor, etag=made.etag)
        assert await content(bench.storage, done) == expected
        for each in (done, *partials):
            await bench.storage.discard(each)
        assert await bench.residue() == []

    @a_property(
        bench,
        parts=st.lists(lengths(bench), min_size=1, max_size=4),
        order=st.lists(st.integers(0, 3), min_size=1, max_size=5),
    )
    def _(parts: list[int], order: list[int]) -> None:
        run(scenario(parts, order))


def final_upload(bench: Bench, sources: list[Upload]) -> Upload:
    length = sum(source.length or 0 for source in sources)
    partials = tuple(UploadId(source.id) for source in sources)
    return new_upload(bench.storage, length, kind=Kind.FINAL, phase=Phase.FINISHING, partials=partials)


async def test_a_final_upload_whose_partial_is_gone_is_lost(bench: Bench) -> None:
    sources = [await stored(bench.storage, random_bytes(size), kind=Kind.PARTIAL) for size in (bench.grain, 3)]
    await bench.storage.discard(sources[1])
    with pytest.raises(UploadLost):
        await bench.storage.concatenate(final_upload(bench, sources), sources)


async def test_finals_can_be_empty(bench: Bench) -> None:
    empty = await stored(bench.storage, b"", kind=Kind.PARTIAL)
    final = final_upload(bench, [empty, empty])
    made = await bench.storage.concatenate(final, [empty, empty])
    done = replace(final, phase=Phase.DONE, cursor=made.cursor, etag=made.etag)
    assert await content(bench.storage, done) == b""


async def test_an_empty_upload_needs_no_writer(bench: Bench) -> None:
    sender = Sender(bench.storage, b"")
    finished = await sender.finish()
    assert await content(bench.storage, finished) == b""
    assert len(await bench.residue()) == 1


async def test_starting_an_upload_stores_nothing(bench: Bench) -> None:
    fresh = new_upload(bench.storage, bench.grain)
    assert await bench.residue() == []
    await bench.storage.discard(fresh)


async def test_a_finished_upload_leaves_its_object_and_nothing_else(bench: Bench) -> None:
    sender = Sender(bench.storage, random_bytes(3 * bench.grain + 5))
    for size in (bench.grain // 2, bench.grain, 3, 2 * bench.grain):
        await sender.send(size)
    await sender.finish()
    assert len(await bench.residue()) == 1


async def test_bytes_are_recorded_before_the_writer_is_asked_to_flush(bench: Bench) -> None:
    """A long request must not lose everything with its process."""
    sender = Sender(bench.storage, random_bytes(10 * bench.grain))
    journal = await sender.play(Session(sizes=[bench.grain // 2] * 20, flush=False))
    assert journal.upload.offset >= bench.grain


async def test_finishing_twice_gives_the_same_object(bench: Bench) -> None:
    sender = Sender(bench.storage, random_bytes(2 * bench.grain + 5))
    await sender.send(bench.grain)
    await sender.send()
    assert sender.upload.phase is Phase.FINISHING
    first = await bench.storage.finish(sender.upload, sender.entries)
    assert await bench.storage.finish(sender.upload, sender.entries) == first
    finished = replace(sender.upload, phase=Phase.DONE, cursor=first.cursor, etag=first.etag)
    assert await content(bench.storage, finished) == sender.data


async def test_objects_of_two_uploads_have_different_strong_etags(bench: Bench) -> None:
    one, other = [await stored(bench.storage, random_bytes(size)) for size in (5, 6)]
    assert one.etag
    assert other.etag
    assert one.etag != other.etag
    assert not {'"', " "} & {*one.etag, *other.etag}


async def test_an_upload_whose_bytes_vanished_is_lost_rather_than_finished(bench: Bench) -> None:
    sender = Sender(bench.storage, random_bytes(2 * bench.grain + 5))
    await sender.send(bench.grain)
    await sender.send()
    await bench.storage.discard(sender.upload)
    with pytest.raises(UploadLost):
        await bench.storage.finish(sender.upload, sender.entries)


async def test_an_object_that_vanished_is_lost_before_the_first_byte(bench: Bench) -> None:
    finished = await stored(bench.storage, random_bytes(bench.grain))
    await bench.storage.discard(finished)
    with pytest.raises(UploadLost):
        await anext(aiter(bench.storage.read(finished, Span(0, 1))))


def test_what_no_upload_needs_can_be_removed_without_harm(bench: Bench, run: Run) -> None:
    """Whatever died on the way: the upload goes on, and in the end there is its object and nothing else."""

    async def scenario(length: int, history: list[Session]) -> None:
        sender = Sender(bench.storage, random_bytes(length))
        for session in history:
            if sender.upload.phase is Phase.OPEN:
                await sender.play(session)
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


def test_an_upload_without_a_record_is_recovered_with_every_byte_that_was_told(bench: Bench, run: Run) -> None:
    """Whatever died on the way. What is recovered can be continued, and becomes the same object."""

    async def scenario(length: int, history: list[Session]) -> None:
        sender = Sender(bench.storage, random_bytes(length))
        for session in history:
            if sender.upload.phase is Phase.OPEN:
                await sender.play(session)
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
        await bench.storage.discard(sender.upload)

    async def recover(upload: Upload) -> Recovered | None:
        left = [found async for found in bench.storage.leftovers()]
        return await bench.storage.recover(upload.id, [found for found in left if found.upload_id == upload.id])

    @a_property(bench, length=sizes(bench), history=st.lists(sessions(bench), min_size=1, max_size=3))
    def _(length: int, history: list[Session]) -> None:
        run(scenario(length, history))


async def test_what_a_finished_upload_left_is_not_taken_for_an_upload(bench: Bench) -> None:
    """It would overwrite the object, or remove it when it expires."""
    sender = Sender(bench.storage, random_bytes(3 * bench.grain))
    await sender.send(bench.grain + 3)
    unfinished = sender.upload
    left = [found async for found in bench.storage.leftovers()]
    await sender.send()
    await sender.finish()
    assert left
    assert await bench.storage.recover(unfinished.id, left) is None


async def test_bytes_that_are_there_are_found_to_be(bench: Bench) -> None:
    sender = Sender(bench.storage, random_bytes(3 * bench.grain))
    assert await bench.storage.verify(sender.upload, sender.entries) == sender.upload
    for size in (3, bench.grain, 2):
        await sender.send(size)
        assert await bench.storage.verify(sender.upload, sender.entries) == sender.upload
    await sender.send()
    await sender.finish()
    assert await bench.storage.verify(sender.upload, sender.entries) == sender.upload


@pytest.mark.parametrize("told", ["nothing", "some", "some, and no length"])
async def test_an_old_copy_of_a_record_is_told_of_the_object_made_since(bench: Bench, told: str) -> None:
    """Ending it, now or when it expires, would remove the object."""
    sender = Sender(bench.storage, random_bytes(3 * bench.grain))
    if told != "nothing":
        await sender.send(bench.grain + 3)
    old, entries = sender.upload, sender.entries
    await sender.send()
    done = await sender.finish()
    length = None if told.endswith("no length") else old.length
    found = await bench.storage.verify(replace(old, length=length), entries)
    assert (found.phase, found.offset, found.length, found.etag) == (Phase.DONE, done.length, done.length, done.etag)
    assert await content(bench.storage, found) == sender.data


@pytest.mark.parametrize("at", [3, "grain", "the end"])
async def test_bytes_that_vanished_are_found_to_be_lost(bench: Bench, at: int | str) -> None:
    sender = Sender(bench.storage, random_bytes(3 * bench.grain))
    await sender.send({"grain": bench.grain, "the end": 3 * bench.grain}.get(str(at), 3))
    if at == "the end":
        await sender.finish()
    await bench.storage.discard(sender.upload)
    with pytest.raises(UploadLost):
        await bench.storage.verify(sender.upload, sender.entries)


async def remove_leftovers(bench: Bench, upload: Upload) -> None:
    for leftover in [found async for found in bench.storage.leftovers()]:
        if not bench.storage.needs(upload, leftover):
            await bench.storage.remove(leftover)


async def test_discarding_twice_is_fine(bench: Bench) -> None:
    finished = await stored(bench.storage, random_bytes(bench.grain + 1))
    await bench.storage.discard(finished)
    await bench.storage.discard(finished)
    assert await bench.residue() == []


async def test_discarding_one_upload_leaves_the_others_alone(bench: Bench) -> None:
    kept, gone = [await stored(bench.storage, random_bytes(size)) for size in (5, 6)]
    await bench.storage.discard(gone)
    assert await content(bench.storage, kept) == random_bytes(5)


async def test_a_writer_whose_turn_is_over_records_nothing_more(bench: Bench) -> None:
    sender = Sender(bench.storage, random_bytes(5 * bench.grain))
    journal, lease = Journal(bench.storage, sender.upload), FakeLease()

    async def overstay() -> None:
        async with bench.storage.writer(sender.upload, journal.record, lease) as writer:
            await sender.give(writer, journal, [3])
            lease.revoke()
            await sender.give(writer, journal, [3 * bench.grain])
            await writer.flush()

    with pytest.raises(Superseded):
        await overstay()
    assert journal.checkpoints == []


async def test_a_writer_that_lost_its_turn_spoils_nothing_for_the_next(bench: Bench) -> None:
    sender = Sender(bench.storage, random_bytes(5 * bench.grain))
    stale = Sender(bench.storage, bytes(5 * bench.grain), sender.upload)
    journal, lease = Journal(bench.storage, stale.upload), FakeLease()

    async def wake_too_late() -> None:
        async with bench.storage.writer(stale.upload, journal.record, lease) as writer:
            await stale.give(writer, journal, [bench.grain // 2])
            lease.revoke()
            await sender.send()
            await stale.give(writer, journal, [2 * bench.grain])
            await writer.flush()

    with pytest.raises(Superseded):
        await wake_too_late()
    finished = await sender.finish()
    assert await content(bench.storage, finished) == sender.data


async def test_uploads_written_side_by_side_do_not_mix(bench: Bench) -> None:
    senders = [Sender(bench.storage, random_bytes(bench.grain + size)) for size in (1, 2)]
    for size in (bench.grain // 2, bench.grain):
        for sender in senders:
            await sender.send(size)
    for sender in senders:
        assert await content(bench.storage, await sender.finish()) == sender.data


async def test_a_storage_that_works_says_so_and_leaves_no_trace(bench: Bench) -> None:
    await bench.storage.ping()
    assert await bench.residue() == []
    assert bench.storage.name
