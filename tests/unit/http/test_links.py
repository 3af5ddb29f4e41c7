"""An installation's links for readers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.harness import Harness
from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import UploadNotFound
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.installation import pair
from tusd_py.http.links import Links

UPLOAD = Upload(id=UploadId("a" * 32), length=1, offset=1, phase=Phase.DONE, times=Times.at_creation(0))


async def name(harness: Harness) -> str:
    """Returns the name in the link of `UPLOAD`."""
    await pair(harness.engine)
    header_fields = await Links(harness.engine, redirects=False).header_fields(UPLOAD, lambda: "http://x/files/")
    return header_fields["Link"].removeprefix("<http://x/files/read/").partition(">")[0]


async def test_a_state_that_was_lost_takes_no_link_with_it() -> None:
    harness, heir = Harness(), Harness()
    before = await name(harness)
    heir.engine = replace(heir.engine, storage=harness.storage)
    assert await name(heir) == before
    assert await Links(heir.engine, redirects=False).upload_id(before) == UPLOAD.id


async def test_another_installation_does_not_know_them() -> None:
    harness, other_harness = Harness(), Harness()
    other_harness.engine = replace(other_harness.engine, new_id=lambda: UploadId("b" * 32))
    with pytest.raises(StateUnavailable):
        await Links(other_harness.engine, redirects=False).upload_id("A" * 43)
    await pair(other_harness.engine)
    with pytest.raises(UploadNotFound):
        await Links(other_harness.engine, redirects=False).upload_id(await name(harness))
