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
    """A counter of the calls of `object_length`, which raise StorageUnavailable while `fails` is set."""

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
    """A direct upload of which no byte comes is looked for seven times in a day, and removed when it expires."""
    harness.limit(expire_after=DAY)
    looks = Looks(access)
    await announce(harness.engine, Begin(mode=DirectMode.WHOLE))
    await pass_time(harness, 1.1 * DAY)
    assert await remaining_uploads(harness) == set()
    assert looks.count == 7


async def test_a_failed_look_is_repeated_later(harness: Harness, access: ScriptedAccess) -> None:
    """A look that fails is repeated at its next turn, and the upload isn't given up."""
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
    """A look that fails has the sweep ask the stores, and end if one is away; a look that finds nothing doesn't."""
    looks, storage = Looks(access), Storage(harness)
    await announce(harness.engine, Begin(mode=DirectMode.WHOLE))
    await pass_time(harness, 60.0)
    assert looks.count > 0
    assert storage.pings == 0
    looks.fails = storage.away = True
    with pytest.raises(StorageUnavailable):
        await pass_time(harness, 60.0)
