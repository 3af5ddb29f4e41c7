"""The journal, the only writer of checkpoints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.harness import Harness
from tests.support.uploads import upload
from tusd_py.domain.checkpoint import Checkpoint, Cursor, Finished
from tusd_py.domain.errors import StateUnavailable, Superseded
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.engine.journal import Journal


async def remembered(harness: Harness, **changes: Any) -> Upload:
    return await harness.state.create(upload(**changes))


def at(offset: int, *tail: str, **fields: object) -> Checkpoint:
    """Return a checkpoint at `offset` that adds one entry; `tail` is in its cursor, and `fields` replace attributes of
    the checkpoint."""
    return replace(Checkpoint(offset=offset, cursor={"tail": list(tail)}, added=({"part": offset},)), **fields)  # type: ignore[arg-type]  # fields by name


async def test_a_checkpoint_counts_as_soon_as_it_is_recorded(harness: Harness) -> None:
    before = await remembered(harness)
    journal = Journal(harness.engine, before, withheld=False)
    await journal.record(at(4, "a"))
    assert await harness.record(before) == journal.upload
    assert (journal.upload.offset, journal.upload.cursor, journal.upload.revision) == (4, {"tail": ["a"]}, 2)
    assert await harness.state.entries(before.id) == [{"part": 4}]


async def test_held_checkpoints_do_not_count_before_their_release(harness: Harness) -> None:
    before = await remembered(harness)
    journal = Journal(harness.engine, before, withheld=True)
    await journal.record(at(4))
    await journal.record(at(8))
    assert await harness.record(before) == before
    assert await harness.state.entries(before.id) == []


async def test_held_checkpoints_count_together_with_the_entries_of_all(harness: Harness) -> None:
    before = await remembered(harness)
    journal = Journal(harness.engine, before, withheld=True)
    await journal.record(at(4, "a"))
    await journal.record(at(8, "b"))
    await journal.release()
    assert (journal.upload.offset, journal.upload.cursor) == (8, {"tail": ["b"]})
    assert await harness.state.entries(before.id) == [{"part": 4}, {"part": 8}]
    assert len(harness.state.saves) == 1


async def test_a_cursor_without_bytes_is_recorded_at_once(harness: Harness) -> None:
    """A checkpoint without bytes, as for a new multipart upload, is recorded at once, even if checkpoints are
    withheld."""
    before = await remembered(harness)
    journal = Journal(harness.engine, before, withheld=True)
    await journal.record(at(0, "begun"))
    assert (await harness.record(before)).cursor == {"tail": ["begun"]}


async def test_the_last_byte_counts_after_the_body_end(harness: Harness) -> None:
    """The checkpoint that reaches the upload's length is recorded only on `release`, when the body is known to have no
    further byte."""
    before = await remembered(harness, length=8)
    journal = Journal(harness.engine, before, withheld=False)
    await journal.record(at(4))
    await journal.record(at(8))
    assert (await harness.record(before)).offset == 4
    await journal.release()
    assert (journal.upload.offset, journal.upload.phase) == (8, Phase.FINISHING)


async def test_an_object_made_with_the_bytes_is_done(harness: Harness) -> None:
    """If storing the last bytes also made the object, the upload is recorded as done, with the event `finished`, as
    long as no digest, hook or scan is still to come."""
    before = await remembered(harness, length=8)
    journal = Journal(harness.engine, before, withheld=False)
    await journal.record(at(8, finished=Finished(cursor={"object": 1}, etag="tag")))
    await journal.release()
    assert (journal.upload.phase, journal.upload.etag, journal.upload.cursor) == (Phase.DONE, "tag", {"object": 1})
    assert harness.observer.count("finished") == 1


async def test_a_repeated_write_is_recorded_with_the_bytes_it_brought(harness: Harness) -> None:
    """The trouble of a repeated write is recorded together with the bytes that it brought: its first attempt may still
    take effect, under a name that no record has."""
    journal = Journal(harness.engine, await remembered(harness, length=8), withheld=True)
    await journal.record(replace(at(2), troubled=True))
    await journal.record(at(4))
    await journal.release()
    assert (journal.upload.offset, journal.upload.troubled_at) == (4, harness.now)


async def test_a_superseded_write_still_records_its_trouble(harness: Harness) -> None:
    """The journal records the trouble of a checkpoint, as a write to the storage was repeated, even if `record` raises
    Superseded because another writer has changed the record."""
    before = await remembered(harness, length=8)
    journal = Journal(harness.engine, before, withheld=False)
    current = await harness.state.save(replace(before, offset=1))
    with pytest.raises(Superseded):
        await journal.record(replace(at(4), troubled=True))
    now = await harness.record(before)
    assert (now.troubled_at, now.offset) == (harness.now, current.offset)


async def test_a_writer_that_was_overtaken_records_nothing(harness: Harness) -> None:
    before = await remembered(harness)
    current = await harness.state.save(before)
    with pytest.raises(Superseded):
        await Journal(harness.engine, before, withheld=False).record(at(4))
    assert await harness.record(before) == current


async def test_each_record_puts_the_expiry_off(harness: Harness) -> None:
    journal = Journal(harness.engine, await remembered(harness), withheld=False)
    harness.now += 50
    await journal.record(at(4))
    assert (journal.upload.times.updated_at, journal.upload.times.expires_at) == (harness.now, harness.now + 100)


def swept(harness: Harness) -> tuple[list[Cursor], list[Cursor]]:
    (only,) = harness.storage.swept
    return only


async def test_only_superseded_cursors_are_swept(harness: Harness) -> None:
    """The journal has the storage delete what earlier cursors name, except what the last recorded cursor names."""
    journal = Journal(harness.engine, await remembered(harness, cursor={"tail": []}), withheld=False)
    await journal.record(at(2, "a"))
    await journal.record(at(4, "b"))
    await journal.delete_superseded()
    assert swept(harness) == ([{"tail": []}, {"tail": ["a"]}], [{"tail": ["b"]}])


async def test_held_checkpoints_that_never_counted_are_swept(harness: Harness) -> None:
    journal = Journal(harness.engine, await remembered(harness, cursor={"tail": []}), withheld=True)
    await journal.record(at(2, "a"))
    await journal.record(at(4, "b"))
    await journal.delete_superseded()
    assert swept(harness) == ([{"tail": ["a"]}, {"tail": ["b"]}], [{"tail": []}])


async def test_held_checkpoints_that_may_count_are_not_swept(harness: Harness) -> None:
    """After a save that was recorded but got no answer, the journal keeps what the recorded cursor names."""
    before = await remembered(harness, cursor={"tail": []})
    journal = Journal(harness.engine, before, withheld=True)
    await journal.record(at(2, "a"))
    await journal.record(at(4, "a", "b"))
    await journal.record(at(6, "a", "b", "c"))
    harness.state.fuse.blow(answer_lost=True)
    with pytest.raises(StateUnavailable):
        await journal.release()
    await journal.delete_superseded()
    _, named_after = swept(harness)
    assert (await harness.record(before)).cursor == {"tail": ["a", "b", "c"]}
    assert {"tail": ["a", "b", "c"]} in named_after


def names(cursors: list[Cursor]) -> set[str]:
    return {name for cursor in cursors for name in cursor["tail"]}


@pytest.mark.parametrize("withheld", [False, True])
async def test_a_long_request_sweeps_between(harness: Harness, *, withheld: bool) -> None:
    """A long request has the storage delete what superseded cursors name each time that `Thresholds.cursors` of them
    have gathered."""
    limit = harness.engine.thresholds.cursors
    journal = Journal(
        harness.engine, await remembered(harness, length=10_000, cursor={"tail": ["0"]}), withheld=withheld
    )
    for number in range(1, 3 * limit):
        await journal.record(at(number, "all", str(number)))
    assert len(harness.storage.swept) == 2
    removed = set[str]().union(*(names(before) - names(after) for before, after in harness.storage.swept))
    assert removed >= {str(number) for number in range(1, 2 * limit - 1)}
    assert removed.isdisjoint({"all", *(str(number) for number in range(3 * limit - 2, 3 * limit))})
    await journal.release()
    assert await harness.state.entries(journal.upload.id) == [{"part": number} for number in range(1, 3 * limit)]


async def test_a_sweep_on_the_way_that_fails_is_noted_at_the_end(harness: Harness) -> None:
    journal = Journal(harness.engine, await remembered(harness, length=10_000), withheld=False)
    for number in range(harness.engine.thresholds.cursors):
        harness.storage.fuse.blow()
        await journal.record(at(number + 1))
    harness.storage.fuse.mend()
    assert harness.observer.count("left behind") == 1
    await journal.delete_superseded()
    assert journal.upload.troubled_at == harness.now


async def test_a_sweep_that_fails_is_told_and_harms_nothing(harness: Harness) -> None:
    journal = Journal(harness.engine, await remembered(harness), withheld=False)
    await journal.record(at(4))
    harness.storage.fuse.blow()
    await journal.delete_superseded()
    assert harness.observer.count("left behind") == 1
    assert (await harness.record(journal.upload)) == journal.upload
    assert journal.upload.troubled_at == harness.now, "so that its end is the time to look again"
