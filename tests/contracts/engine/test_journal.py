"""The only writer of checkpoints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.engine import Engine
from tests.support.uploads import upload
from tusd_py.engine.journal import Journal
from tusd_py.errors import StateUnavailable, Superseded
from tusd_py.model import Checkpoint, Cursor, Finished, Phase, Upload


async def remembered(engine: Engine, **changes: Any) -> Upload:
    return await engine.state.create(upload(**changes))


def at(offset: int, *tail: str, **more: object) -> Checkpoint:
    """A checkpoint whose cursor names `tail`."""
    return replace(Checkpoint(offset=offset, cursor={"tail": list(tail)}, added=({"part": offset},)), **more)  # type: ignore[arg-type]  # fields by name


async def test_a_checkpoint_counts_as_soon_as_it_is_recorded(engine: Engine) -> None:
    before = await remembered(engine)
    journal = Journal(engine.ports, before, held=False)
    await journal.record(at(4, "a"))
    assert await engine.record(before) == journal.upload
    assert (journal.upload.offset, journal.upload.cursor, journal.upload.revision) == (4, {"tail": ["a"]}, 2)
    assert await engine.state.entries(before.id) == [{"part": 4}]


async def test_held_checkpoints_do_not_count_before_their_release(engine: Engine) -> None:
    before = await remembered(engine)
    journal = Journal(engine.ports, before, held=True)
    await journal.record(at(4))
    await journal.record(at(8))
    assert await engine.record(before) == before
    assert await engine.state.entries(before.id) == []


async def test_held_checkpoints_count_together_with_the_entries_of_all(engine: Engine) -> None:
    before = await remembered(engine)
    journal = Journal(engine.ports, before, held=True)
    await journal.record(at(4, "a"))
    await journal.record(at(8, "b"))
    await journal.release()
    assert (journal.upload.offset, journal.upload.cursor) == (8, {"tail": ["b"]})
    assert await engine.state.entries(before.id) == [{"part": 4}, {"part": 8}]
    assert len(engine.state.saves) == 1


async def test_what_does_not_move_the_offset_counts_at_once_even_when_held(engine: Engine) -> None:
    """A multipart upload must be known, so that it can be removed, whatever becomes of the request."""
    before = await remembered(engine)
    journal = Journal(engine.ports, before, held=True)
    await journal.record(at(0, "begun"))
    assert (await engine.record(before)).cursor == {"tail": ["begun"]}


async def test_a_full_upload_counts_only_once_its_body_is_known_to_be_no_longer(engine: Engine) -> None:
    before = await remembered(engine, length=8)
    journal = Journal(engine.ports, before, held=False)
    await journal.record(at(4))
    await journal.record(at(8))
    assert (await engine.record(before)).offset == 4
    await journal.release()
    assert (journal.upload.offset, journal.upload.phase) == (8, Phase.FINISHING)


async def test_an_object_made_with_the_bytes_makes_the_upload_done_and_is_told(engine: Engine) -> None:
    before = await remembered(engine, length=8)
    journal = Journal(engine.ports, before, held=False)
    await journal.record(at(8, finished=Finished(cursor={"object": 1}, etag="tag")))
    await journal.release()
    assert (journal.upload.phase, journal.upload.etag, journal.upload.cursor) == (Phase.DONE, "tag", {"object": 1})
    assert engine.told.count("finished") == 1


async def test_a_repeated_write_is_recorded_with_the_bytes_it_brought(engine: Engine) -> None:
    """The first attempt may yet take effect, under a name that nothing holds any more by then."""
    journal = Journal(engine.ports, await remembered(engine, length=8), held=True)
    await journal.record(replace(at(2), troubled=True))
    await journal.record(at(4))
    await journal.release()
    assert (journal.upload.offset, journal.upload.troubled_at) == (4, engine.now)


async def test_a_repeated_write_is_known_of_although_another_moved_the_upload_on(engine: Engine) -> None:
    before = await remembered(engine, length=8)
    journal = Journal(engine.ports, before, held=False)
    current = await engine.state.save(replace(before, offset=1))
    with pytest.raises(Superseded):
        await journal.record(replace(at(4), troubled=True))
    now = await engine.record(before)
    assert (now.troubled_at, now.offset) == (engine.now, current.offset)


async def test_a_writer_that_was_overtaken_records_nothing(engine: Engine) -> None:
    before = await remembered(engine)
    current = await engine.state.save(before)
    with pytest.raises(Superseded):
        await Journal(engine.ports, before, held=False).record(at(4))
    assert await engine.record(before) == current


async def test_each_record_puts_the_expiry_off(engine: Engine) -> None:
    journal = Journal(engine.ports, await remembered(engine), held=False)
    engine.now += 50
    await journal.record(at(4))
    assert (journal.upload.updated_at, journal.upload.expires_at) == (engine.now, engine.now + 100)


def swept(engine: Engine) -> tuple[list[Cursor], list[Cursor]]:
    (only,) = engine.storage.swept
    return only


async def test_what_earlier_checkpoints_named_is_swept_but_not_what_the_last_names(engine: Engine) -> None:
    journal = Journal(engine.ports, await remembered(engine, cursor={"tail": []}), held=False)
    await journal.record(at(2, "a"))
    await journal.record(at(4, "b"))
    await journal.sweep()
    assert swept(engine) == ([{"tail": []}, {"tail": ["a"]}], [{"tail": ["b"]}])


async def test_held_checkpoints_that_never_counted_are_swept(engine: Engine) -> None:
    journal = Journal(engine.ports, await remembered(engine, cursor={"tail": []}), held=True)
    await journal.record(at(2, "a"))
    await journal.record(at(4, "b"))
    await journal.sweep()
    assert swept(engine) == ([{"tail": ["a"]}, {"tail": ["b"]}], [{"tail": []}])


async def test_held_checkpoints_that_may_count_are_not_swept(engine: Engine) -> None:
    """The save was done and its answer got lost: the store names them."""
    before = await remembered(engine, cursor={"tail": []})
    journal = Journal(engine.ports, before, held=True)
    await journal.record(at(2, "a"))
    await journal.record(at(4, "a", "b"))
    await journal.record(at(6, "a", "b", "c"))
    engine.state.fuse.blow(answer_lost=True)
    with pytest.raises(StateUnavailable):
        await journal.release()
    await journal.sweep()
    _, kept = swept(engine)
    assert (await engine.record(before)).cursor == {"tail": ["a", "b", "c"]}
    assert {"tail": ["a", "b", "c"]} in kept


def named(cursors: list[Cursor]) -> set[str]:
    return {name for cursor in cursors for name in cursor["tail"]}


@pytest.mark.parametrize("held", [False, True])
async def test_a_long_request_sweeps_now_and_then_what_nothing_names_any_more(engine: Engine, *, held: bool) -> None:
    most = engine.ports.thresholds.cursors
    journal = Journal(engine.ports, await remembered(engine, length=10_000, cursor={"tail": ["0"]}), held=held)
    for number in range(1, 3 * most):
        await journal.record(at(number, "all", str(number)))
    assert len(engine.storage.swept) == 2
    removed = set[str]().union(*(named(before) - named(kept) for before, kept in engine.storage.swept))
    assert removed >= {str(number) for number in range(1, 2 * most - 1)}
    assert removed.isdisjoint({"all", *(str(number) for number in range(3 * most - 2, 3 * most))})
    await journal.release()
    assert await engine.state.entries(journal.upload.id) == [{"part": number} for number in range(1, 3 * most)]


async def test_a_sweep_on_the_way_that_fails_is_noted_at_the_end(engine: Engine) -> None:
    journal = Journal(engine.ports, await remembered(engine, length=10_000), held=False)
    for number in range(engine.ports.thresholds.cursors):
        engine.storage.fuse.blow()
        await journal.record(at(number + 1))
    engine.storage.fuse.mend()
    assert engine.told.count("left-behind") == 1
    await journal.sweep()
    assert journal.upload.troubled_at == engine.now


async def test_a_sweep_that_fails_is_told_and_harms_nothing(engine: Engine) -> None:
    journal = Journal(engine.ports, await remembered(engine), held=False)
    await journal.record(at(4))
    engine.storage.fuse.blow()
    await journal.sweep()
    assert engine.told.count("left-behind") == 1
    assert (await engine.record(journal.upload)) == journal.upload
    assert journal.upload.troubled_at == engine.now, "so that its end is the time to look again"
