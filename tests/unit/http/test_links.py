"""An installation's links for readers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.engine import Engine
from tusd_py.engine.installation import pair
from tusd_py.errors import StateUnavailable
from tusd_py.http.links import Links
from tusd_py.model import Phase, Upload, UploadId
from tusd_py.protocol.refusals import UploadNotFound

UPLOAD = Upload(id=UploadId("a" * 32), length=1, offset=1, phase=Phase.DONE, created_at=0, updated_at=0)


async def name(engine: Engine) -> str:
    """What the link of `UPLOAD` is called."""
    await pair(engine.ports)
    told = await Links(engine.ports, redirects=False).told(UPLOAD, lambda: "http://x/files/")
    return told["Link"].removeprefix("<http://x/files/read/").partition(">")[0]


async def test_a_state_that_was_lost_takes_no_link_with_it() -> None:
    engine, heir = Engine(), Engine()
    before = await name(engine)
    heir.ports = replace(heir.ports, storage=engine.storage)
    assert await name(heir) == before
    assert await Links(heir.ports, redirects=False).named(before) == UPLOAD.id


async def test_another_installation_does_not_know_them() -> None:
    engine, other = Engine(), Engine()
    other.ports = replace(other.ports, new_id=lambda: UploadId("b" * 32))
    with pytest.raises(StateUnavailable):
        await Links(other.ports, redirects=False).named("A" * 43)
    await pair(other.ports)
    with pytest.raises(UploadNotFound):
        await Links(other.ports, redirects=False).named(await name(engine))
