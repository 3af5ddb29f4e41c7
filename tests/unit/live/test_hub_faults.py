"""Listeners of uploads, one of which has a record that can't be read: that of a newer version, for example."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.uploads import upload
from tusd_py.domain.snapshot import Snapshot
from tusd_py.domain.upload_id import UploadId
from tusd_py.live import hub as hub_module
from tusd_py.live.bus.memory import MemoryBus
from tusd_py.live.hub import Hub
from tusd_py.live.listeners import Caps, Count

BAD, GOOD = upload(id=UploadId("b" * 32)), upload(id=UploadId("c" * 32))
READERS = 4


class Records:
    """A stand-in for the state with the records of two uploads; a read of that of `BAD` raises ValueError while
    `readable` is False."""

    def __init__(self) -> None:
        self.readable = True
        self.revision = 1

    async def read(self, upload_id: UploadId) -> Snapshot | None:
        if upload_id == BAD.id and not self.readable:
            raise ValueError("a record of another version")
        return Snapshot(upload=upload(id=upload_id, revision=self.revision), seq=1)


@pytest.fixture
def failures() -> list[object]:
    return []


@pytest.mark.parametrize("announced", [BAD.id, None], ids=["by name", "without a name"])
async def test_an_unreadable_record_holds_no_other_up(
    failures: list[object], monkeypatch: pytest.MonkeyPatch, announced: UploadId | None
) -> None:
    monkeypatch.setattr(hub_module, "_TICK", 0.01)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    records = Records()
    hub = Hub(records.read, MemoryBus(), Count(Caps(process=9, upload=9, client=9)))
    async with (
        hub.running(),
        hub.listening(BAD.id, "c", lambda: True) as (bad, first),
        hub.listening(GOOD.id, "c", lambda: True) as (good, second),
    ):
        await first.wait(0)
        await second.wait(0)
        records.readable, records.revision = False, 2
        for _ in range(READERS):
            hub._handle(announced)
            await asyncio.sleep(0.02)
        hub._handle(announced and GOOD.id)
        assert await second.wait(30)
        assert good.latest is not None
        assert good.latest.upload.revision == 2
        assert failures
        records.readable = True
        assert await first.wait(30)
        assert bad.latest is not None
        assert bad.latest.upload.revision == 2
