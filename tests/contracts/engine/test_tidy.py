"""What a crash left is removed, what an upload needs is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.tidy import tidy
from tusd_py.errors import Superseded
from tusd_py.model import Phase, Upload, UploadId
from tusd_py.storage.base import Leftover

STRANGER = UploadId("f" * 32)


@pytest.fixture
async def upload(engine: Engine) -> Upload:
    """An unfinished one, with bytes."""
    made = await create(engine.ports, creating(10), ScriptedBody())
    return await append(engine.ports, made.id, appending(0), ScriptedBody(b"abc"))


async def tidied(engine: Engine, *, dry_run: bool = False) -> list[UploadId]:
    return [leftover.upload_id async for leftover in tidy(engine.ports, dry_run=dry_run)]


async def test_what_an_unfinished_upload_needs_stays(engine: Engine, upload: Upload) -> None:
    assert await tidied(engine) == []
    done = await append(engine.ports, upload.id, appending(3), ScriptedBody(b"defghij"))
    assert engine.stored(done) == b"abcdefghij"


async def test_what_nobody_remembers_goes_once_it_is_old(engine: Engine) -> None:
    engine.storage._parts[STRANGER] = bytearray(b"abc")
    engine.now = 99
    assert await tidied(engine) == []
    engine.now = 100
    assert await tidied(engine) == [STRANGER]
    assert await engine.residue() == []


async def test_where_uploads_never_expire_the_unknown_is_left_alone_for_a_week(engine: Engine) -> None:
    engine.limit(expire_after=None)
    engine.storage._parts[STRANGER] = bytearray(b"abc")
    engine.now = 7 * 86400 - 1
    assert await tidied(engine) == []
    engine.now += 1
    assert await tidied(engine) == [STRANGER]


async def test_a_dry_run_says_the_same_and_removes_nothing(engine: Engine) -> None:
    engine.storage._parts[STRANGER] = bytearray(b"abc")
    assert await tidied(engine, dry_run=True) == [STRANGER]
    assert await engine.residue() == [STRANGER]


async def test_what_a_finished_upload_left_beside_its_object_goes(engine: Engine, upload: Upload) -> None:
    done = await append(engine.ports, upload.id, appending(3), ScriptedBody(b"defghij"))
    engine.storage._parts[upload.id] = bytearray(b"of a writer that died")
    assert await tidied(engine) == [upload.id]
    assert engine.stored(done) == b"abcdefghij"


async def test_a_writer_that_wakes_can_no_longer_record_what_was_removed(engine: Engine, upload: Upload) -> None:
    engine.storage.needs = lambda *_: False  # type: ignore[method-assign]  # as if nothing of it were recorded yet
    assert await tidied(engine) == [upload.id]
    with pytest.raises(Superseded):
        await engine.state.save(upload)


async def test_an_upload_on_its_way_out_is_left_to_the_sweep(engine: Engine, upload: Upload) -> None:
    await engine.state.save(replace(upload, phase=Phase.TERMINATING))
    assert await tidied(engine) == []


async def test_what_belongs_to_a_gone_upload_goes(engine: Engine, upload: Upload) -> None:
    await engine.state.save(replace(upload, phase=Phase.GONE))
    assert await tidied(engine) == [upload.id]


async def test_an_upload_that_is_being_written_is_left_alone(engine: Engine, upload: Upload) -> None:
    stalled = ScriptedBody(b"de", stalls=True)
    writing = asyncio.create_task(append(engine.ports, upload.id, appending(3), stalled))
    await stalled.stalled.wait()
    engine.storage.needs = lambda *_: False  # type: ignore[method-assign]  # as if nothing of it were recorded yet
    assert await tidied(engine) == []
    stalled.stop()
    await writing


async def test_one_at_a_time_is_enough(engine: Engine) -> None:
    async def listing() -> AsyncIterator[Leftover]:
        assert [leftover async for leftover in tidy(engine.ports)] == []
        yield Leftover(upload_id=STRANGER, name=STRANGER, since=0)

    engine.storage.leftovers = listing  # type: ignore[method-assign]  # a second node comes while the first one lists
    assert await tidied(engine, dry_run=True) == [STRANGER]
