"""Direct uploads whose objects a sweep looks for: the looks are few, and one that fails is repeated."""

from __future__ import annotations

import math

import pytest

from tests.contracts.engine.test_sweep_crowd import Storage, remaining_uploads
from tests.support.direct_access import ScriptedAccess
from tests.support.harness import Harness
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.errors import StorageUnavailable
from tusd_py.domain.intents import Begin
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.engine.direct import announce
from tusd_py.engine.expiry_sweep import sweep

DAY = 86400.0


class Looks:
    """A counter of the looks for objects of direct uploads (`access.object_length`), each of which raises
    StorageUnavailable while `fails` is set."""

    def __init__(self, access: ScriptedAccess) -> None:
        self._look = access.object_length
        self.count, self.fails = 0, False
        access.object_length = self.object_length  # type: ignore[method-assign]

    async def object_length(self, upload: Upload) -> int | None:
        self.count += 1
        if self.fails:
            raise StorageUnavailable("as told")
        return await self._look(upload)


async def pass_time(harness: Harness, seconds: float) -> None:
    """Set the clock forward, and sweep at each time at which an upload is due."""
    end = harness.now + seconds
    while (due := await first_due(harness)) <= end:
        harness.now = max(harness.now, due)
        await sweep(harness.engine)
    harness.now = end


async def first_due(harness: Harness) -> float:
    return min((upload.due_at for upload in await harness.uploads() if upload.due_at is not None), default=math.inf)


async def test_an_abandoned_direct_upload_costs_few_looks(harness: Harness, access: ScriptedAccess) -> None:
    """An awaited upload whose object never comes is looked for seven times until it expires after a day, and is removed
    then."""
    harness.limit(expire_after=DAY)
    looks = Looks(access)
    await announce(harness.engine, Begin(mode=DirectMode.WHOLE))
    await pass_time(harness, 1.1 * DAY)
    assert await remaining_uploads(harness) == set()
    assert looks.count == 7


async def test_a_failed_look_is_repeated_later(harness: Harness, access: ScriptedAccess) -> None:
    """If a sweep fails to look for the object of an awaited upload, a later sweep looks again, and the upload stays
    open."""
    looks = Looks(access)
    upload = await announce(harness.engine, Begin(mode=DirectMode.WHOLE))
    looks.fails = True
    await pass_time(harness, 200.0)
    assert looks.count <= 1 + 200.0 / 30.0
    assert harness.observer.count("look failed") == looks.count
    assert (await harness.record(upload)).phase is Phase.OPEN
    looks.fails = False
    harness.storage._objects[upload.id] = b"abc"
    await pass_time(harness, 30.0)
    assert (await harness.record(upload)).done


async def test_a_failed_look_asks_if_a_store_is_away(harness: Harness, access: ScriptedAccess) -> None:
    """A sweep that fails to look for an upload's object asks if the stores are available, and ends with an error if one
    isn't; a look that finds no object leads to no such question."""
    looks, storage = Looks(access), Storage(harness)
    await announce(harness.engine, Begin(mode=DirectMode.WHOLE))
    await pass_time(harness, 60.0)
    assert looks.count > 0
    assert storage.pings == 0
    looks.fails = storage.away = True
    with pytest.raises(StorageUnavailable):
        await pass_time(harness, 60.0)
