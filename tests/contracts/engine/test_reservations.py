"""The reservation for an upload of deferred length grows only with a save for which the quota was checked."""

from __future__ import annotations

import pytest

from tests.contracts.engine.test_quotas import begin_upload, limited, usage
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending
from tusd_py.domain.access_refusals import OverQuota
from tusd_py.domain.upload import Upload
from tusd_py.engine.append import append
from tusd_py.engine.lookup import inspect
from tusd_py.engine.pause import pause, resume
from tusd_py.engine.repair import repair


@pytest.fixture
async def cut(harness: Harness) -> Upload:
    """An upload of deferred length with three bytes, whose reserved block of 16 bytes the quota has cut to 10."""
    limited(harness, max_bytes=10)
    upload = await begin_upload(harness, None)
    return await append(harness.engine, upload.id, appending(0, size=3), ScriptedBody(b"abc"))


async def test_a_pause_reserves_nothing(harness: Harness, cut: Upload) -> None:
    await pause(harness.engine, cut.id)
    await resume(harness.engine, cut.id)
    assert await usage(harness) == (0, 10, 1)
    with pytest.raises(OverQuota):
        await append(harness.engine, cut.id, appending(3, size=8), ScriptedBody(b"x" * 8))


async def test_a_roll_back_reserves_nothing(harness: Harness, cut: Upload) -> None:
    del harness.storage._parts[cut.id][1:]
    assert [mended.done async for mended in repair(harness.engine, apply=True)] == [True]
    assert ((await inspect(harness.engine, cut.id)).offset, await usage(harness)) == (1, (0, 10, 1))
