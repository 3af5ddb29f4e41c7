"""Reports to a client, while its request runs, of the new upload and of each recorded offset."""

from __future__ import annotations

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, sha1
from tusd_py.domain.errors import StorageUnavailable
from tusd_py.domain.refusals import ChecksumMismatch
from tusd_py.domain.upload import Upload
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.ports.body import BodyEnd


class Watching:
    """A `ports.progress.Watcher` that keeps, at `on_created`, the upload's record and whether the body was asked for,
    and, at `on_progress`, the offset; it fails there unless the state saved this upload last. `on_created` returns
    `knows`: True if the client was told."""

    def __init__(self, harness: Harness, body: ScriptedBody, *, knows: bool = True) -> None:
        self.begun_with, self.body_requests, self.offsets = list[Upload](), list[bool](), list[int]()
        self._engine, self._body, self._knows = harness, body, knows

    async def on_created(self, upload: Upload) -> bool:
        self.begun_with.append(await self._engine.record(upload))
        self.body_requests.append(self._body.continued)
        return self._knows

    def on_progress(self, upload: Upload) -> None:
        assert self._engine.state.saves[-1] == upload
        self.offsets.append(upload.offset)


async def test_a_creation_is_reported_before_its_body(harness: Harness) -> None:
    """A new upload is reported once it is recorded and before its body is read."""
    body = ScriptedBody(b"abc")
    watching = Watching(harness, body)
    upload = await create(harness.engine, creating(3, body=True), body, watching)
    assert [created.id for created in watching.begun_with] == [upload.id]
    assert watching.body_requests == [False]


async def test_each_step_is_told_once_it_is_recorded_and_none_twice(harness: Harness) -> None:
    upload, body = await create(harness.engine, creating(40), ScriptedBody()), ScriptedBody(*[b"01234567"] * 4, b"x")
    watching = Watching(harness, body)
    await append(harness.engine, upload.id, appending(0, size=33), body, watching)
    assert watching.offsets == [8, 16, 24, 32, 33]


async def test_bytes_that_may_not_count_are_not_told(harness: Harness) -> None:
    upload, body = await create(harness.engine, creating(40), ScriptedBody()), ScriptedBody(*[b"01234567"] * 4)
    watching = Watching(harness, body)
    with pytest.raises(ChecksumMismatch):
        await append(harness.engine, upload.id, appending(0, size=32, checksum=sha1(b"other")), body, watching)
    assert watching.offsets == []


@pytest.mark.parametrize("knows", [True, False])
async def test_what_its_client_knows_of_outlives_a_failure(harness: Harness, *, knows: bool) -> None:
    body = ScriptedBody(*[b"01234567"] * 4, end=BodyEnd.COMPLETE)
    watching = Watching(harness, body, knows=knows)
    harness.storage.fuse.blow(2)
    with pytest.raises(StorageUnavailable):
        await create(harness.engine, creating(40, body=True), body, watching)
    harness.now += 31
    await sweep(harness.engine)
    record = await harness.state.load(watching.begun_with[0].id)
    assert (record is not None) == knows
    if record is not None:
        assert record.offset == max(watching.offsets, default=0)
