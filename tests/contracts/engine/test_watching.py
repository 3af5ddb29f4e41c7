"""What the one who asks is told on the way."""

from __future__ import annotations

import pytest

from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import appending, creating, sha1
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.sweep import sweep
from tusd_py.errors import StorageUnavailable
from tusd_py.model import Upload
from tusd_py.pipeline.body import BodyEnd
from tusd_py.protocol.refusals import ChecksumMismatch


class Watching:
    """Notes what it is told, and what is recorded and asked for by then."""

    def __init__(self, engine: Engine, body: ScriptedBody, *, knows: bool = True) -> None:
        self.begun_with, self.asked, self.told = list[Upload](), list[bool](), list[int]()
        self._engine, self._body, self._knows = engine, body, knows

    async def begun(self, upload: Upload) -> bool:
        self.begun_with.append(await self._engine.record(upload))
        self.asked.append(self._body.asked)
        return self._knows

    def moved(self, upload: Upload) -> None:
        assert self._engine.state.saves[-1] == upload
        self.told.append(upload.offset)


async def test_an_upload_is_told_of_once_it_is_remembered_and_before_its_bytes_are_asked_for(engine: Engine) -> None:
    body = ScriptedBody(b"abc")
    watching = Watching(engine, body)
    upload = await create(engine.ports, creating(3, body=True), body, watching)
    assert [begun.id for begun in watching.begun_with] == [upload.id]
    assert watching.asked == [False]


async def test_each_step_is_told_once_it_is_recorded_and_none_twice(engine: Engine) -> None:
    upload, body = await create(engine.ports, creating(40), ScriptedBody()), ScriptedBody(*[b"01234567"] * 4, b"x")
    watching = Watching(engine, body)
    await append(engine.ports, upload.id, appending(0, size=33), body, watching)
    assert watching.told == [8, 16, 24, 32, 33]


async def test_bytes_that_may_not_count_are_not_told(engine: Engine) -> None:
    upload, body = await create(engine.ports, creating(40), ScriptedBody()), ScriptedBody(*[b"01234567"] * 4)
    watching = Watching(engine, body)
    with pytest.raises(ChecksumMismatch):
        await append(engine.ports, upload.id, appending(0, size=32, checksum=sha1(b"other")), body, watching)
    assert watching.told == []


@pytest.mark.parametrize("knows", [True, False])
async def test_what_its_client_knows_of_outlives_a_failure(engine: Engine, *, knows: bool) -> None:
    body = ScriptedBody(*[b"01234567"] * 4, end=BodyEnd.COMPLETE)
    watching = Watching(engine, body, knows=knows)
    engine.storage.fuse.blow(2)
    with pytest.raises(StorageUnavailable):
        await create(engine.ports, creating(40, body=True), body, watching)
    engine.now += 31
    await sweep(engine.ports)
    left = await engine.state.load(watching.begun_with[0].id)
    assert (left is not None) == knows
    if left is not None:
        assert left.offset == max(watching.told, default=0)
