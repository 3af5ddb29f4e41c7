"""The reading links of an installation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.support.harness import Harness
from tusd_py import create_app
from tusd_py.backends.memory.state import MemoryState
from tusd_py.config import load_settings
from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import UploadNotFound
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.installation import pair
from tusd_py.http.links import Links

Client = TestClient[web.Request, web.Application]
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Upload-Length": "3", "Content-Type": "application/offset+octet-stream"}
UPLOAD = Upload(id=UploadId("a" * 32), length=1, offset=1, phase=Phase.DONE, times=Times.at_creation(0))


async def name(harness: Harness) -> str:
    """Make the harness's state and storage one installation, and return the end of its reading link of `UPLOAD`, a
    finished upload: the last segment of the path."""
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


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    app = create_app(load_settings({"state": "memory:", "storage": f"file:{tmp_path}"}, None, {}))
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_what_is_finished_is_told_without_a_link(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the installation's id can't be read when a creation finishes its upload, the 201 has the upload's URL but no
    reading link; HEAD has the link once the id can be read."""

    async def installation(_: MemoryState) -> None:
        raise StateUnavailable("away")

    with monkeypatch.context() as away:
        away.setattr(MemoryState, "installation", installation)
        async with client.post("/files/", headers=BYTES, data=b"abc") as created:
            assert (created.status, "Link" in created.headers) == (201, False)
    async with client.session.head(created.headers["Location"], headers=TUS) as answer:
        assert (answer.status, "Link" in answer.headers) == (200, True)
