"""Promises of every storage (`tusd_py/ports/storage.py`), memory, disk and S3, tested through the port and by the names
of all that is stored."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import strategies as st

from tests.contracts.examples import Run, a_property, lengths, sessions, sizes
from tests.support.storages import Bench
from tests.support.writing import Sender, Session, content, new_upload, random_bytes, stored
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.phase import Phase
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload


def test_however_the_bytes_come_the_object_is_those_bytes(bench: Bench, run: Run) -> None:
    """The finished object has exactly the sender's bytes, however they are split into chunks and requests, even if
    requests are cut or lose the state store at any checkpoint. Once the upload is cleaned away, nothing of it
    remains."""

    async def scenario(length: int, history: list[Session]) -> None:
        sender = Sender(bench.storage, random_bytes(length))
        await sender.live_through(history)
        if sender.upload.phase is Phase.OPEN:
            await sender.send()
        finished = await sender.finish()
        assert await content(bench.storage, finished) == sender.data
        await bench.storage.clean(replace(finished, phase=Phase.TERMINATING))
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


def test_explicit_completion_finishes_once_asked(bench: Bench, run: Run) -> None:
    """An upload with `explicit_completion` stays open with all its bytes until its completion is asked for; finishing
    it twice gives the same object."""

    async def scenario(pieces: list[int]) -> None:
        data = random_bytes(sum(pieces))
        sender = Sender(bench.storage, data, replace(new_upload(bench.storage, len(data)), explicit_completion=True))
        for piece in pieces:
            await sender.send(piece)
        assert (sender.upload.offset, sender.upload.phase) == (len(data), Phase.OPEN)
        sender.upload = replace(sender.upload, explicit_completion=False, phase=Phase.FINISHING)
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
        await bench.storage.clean(replace(sender.upload, phase=Phase.TERMINATING))
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
    """Bytes are recorded while a request goes on, before `flush`: a long request doesn't lose everything if its process
    dies."""
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


async def test_only_an_upload_with_entries_needs_them(bench: Bench) -> None:
    """`needs_entries` is True for an upload exactly if it has entries; an upload that has none can be finished without
    any."""
    small, large = (Sender(bench.storage, random_bytes(size)) for size in (5, 3 * bench.grain))
    for sender in (small, large):
        await sender.send()
        assert bench.storage.needs_entries(sender.upload) == bool(sender.entries)
    assert not small.entries
    await small.finish()
    assert await content(bench.storage, small.upload) == small.data


async def test_objects_of_two_uploads_have_different_strong_etags(bench: Bench) -> None:
    one, two = [await stored(bench.storage, random_bytes(size)) for size in (5, 6)]
    assert one.etag
    assert two.etag
    assert one.etag != two.etag
    assert not {'"', " "} & {*one.etag, *two.etag}


async def test_vanished_bytes_are_lost_not_finished(bench: Bench) -> None:
    """Finishing an upload whose stored bytes have vanished raises UploadLost."""
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


@pytest.mark.parametrize("metadata", [{"...": b"no name for a header"}, {"long": bytes(4000)}], ids=["name", "length"])
async def test_excess_metadata_hinders_nothing(bench: Bench, metadata: dict[str, bytes]) -> None:
    """An upload still becomes an object if the storage can't copy some of its metadata there, as a name suits no header
    or a value is too long: the record has all metadata, the object at most a copy of some."""
    finished = await stored(bench.storage, b"abc", metadata=metadata)
    assert await content(bench.storage, finished) == b"abc"


async def test_discarding_twice_is_fine(bench: Bench) -> None:
    finished = await stored(bench.storage, random_bytes(bench.grain + 1))
    await bench.storage.discard(finished)
    await bench.storage.discard(finished)
    assert await bench.residue() == []


async def test_discarding_one_upload_leaves_the_others_alone(bench: Bench) -> None:
    one, discarded = [await stored(bench.storage, random_bytes(size)) for size in (5, 6)]
    await bench.storage.discard(discarded)
    assert await content(bench.storage, one) == random_bytes(5)


async def test_a_storage_that_works_says_so_and_leaves_no_trace(bench: Bench) -> None:
    await bench.storage.ping()
    assert await bench.residue() == []
    assert bench.storage.name


async def test_a_late_length_has_a_limit_of_at_least_a_part(bench: Bench) -> None:
    """If a storage limits the length of uploads, its limit for a length declared late is at least the size of a part,
    and no higher than that for a length declared at creation."""
    capacity = bench.storage.capacity
    late, at_once = capacity.max_deferred_length, capacity.max_length
    assert at_once is None or (late is not None and bench.grain <= late <= at_once)


def test_the_room_for_new_bytes_is_told_or_has_no_known_end(bench: Bench, run: Run) -> None:
    async def scenario() -> None:
        space = await bench.storage.space()
        assert space is None or (space.free >= 0 and space.reserve > 0)
        assert await bench.residue() == []

    run(scenario())


async def test_the_place_of_an_object_is_known_from_its_record(bench: Bench) -> None:
    finished = await stored(bench.storage, b"hello")
    place = bench.storage.locate(finished)
    assert bench.storage.locate(replace(finished, cursor=bench.storage.start(finished))) == place
    assert [name.rpartition("/")[2] for name in await bench.residue()] == [place.key.rpartition("/")[2]]
    assert place.path is None or place.path.endswith(f"/{place.key}")


async def test_a_chosen_key_is_occupied_while_its_object_is(bench: Bench) -> None:
    """A chosen key is that of the object, and occupied from the object's creation until it is discarded."""
    planned = replace(new_upload(bench.storage, 5), place="a/b c")
    chosen = replace(planned, cursor=bench.storage.start(planned))
    assert not await bench.storage.occupied(chosen)
    sender = Sender(bench.storage, b"hello", chosen)
    await sender.send()
    finished = await sender.finish()
    assert bench.storage.locate(finished).key.endswith("a/b c")
    assert await bench.storage.occupied(chosen)
    assert await content(bench.storage, finished) == b"hello"
    await bench.storage.discard(replace(finished, phase=Phase.TERMINATING))
    assert not await bench.storage.occupied(chosen)


async def test_a_keys_prefix_comes_before_what_the_setting_makes(bench: Bench) -> None:
    plain = new_upload(bench.storage, 5)
    prefixed = replace(plain, key_prefix="team/")
    keys = [
        bench.storage.locate(replace(upload, cursor=bench.storage.start(upload))).key for upload in (plain, prefixed)
    ]
    head, _, tail = keys[1].rpartition("team/")
    assert head + tail == keys[0]


@pytest.mark.parametrize("listing", [False, True], ids=["discard", "clean"])
async def test_an_unfinished_upload_never_takes_anothers_object(bench: Bench, listing: bool) -> None:  # noqa: FBT001
    """Discarding or cleaning up an unfinished upload doesn't remove another upload's object that came to the same
    chosen place after the unfinished upload was created."""
    unfinished = Sender(bench.storage, random_bytes(bench.grain), new_upload(bench.storage, bench.grain, place="a/b c"))
    await unfinished.send(3)
    second = await stored(bench.storage, b"hello", place="a/b c")
    ended = replace(unfinished.upload, phase=Phase.TERMINATING)
    await (bench.storage.clean(ended) if listing else bench.storage.discard(ended))
    assert await content(bench.storage, second) == b"hello"
    await bench.storage.discard(second)
    assert await bench.residue() == []


@pytest.mark.parametrize("place", [None, "a/b c"])
@pytest.mark.parametrize("parts", [0, 2])
async def test_a_finish_that_was_not_recorded_is_discarded(bench: Bench, place: str | None, parts: int) -> None:
    length = parts and parts * bench.grain + 5
    sender = Sender(bench.storage, random_bytes(length), new_upload(bench.storage, length, place=place))
    if parts:
        await sender.send(bench.grain)
        await sender.send()
    await bench.storage.finish(sender.upload, sender.entries)
    await bench.storage.discard(replace(sender.upload, phase=Phase.TERMINATING))
    assert await bench.residue() == []
