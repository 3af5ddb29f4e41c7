"""A server that is shutting down refuses new direct uploads and lets open ones finish; its application is mounted below
`/media` of another one here."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from devtools.seaweed import SeaweedFS
from tests.support.direct import DirectClient
from tusd_py.config import load_settings
from tusd_py.http.context import CONTEXT
from tusd_py.server.app import create_app

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_nothing_new_begins_at_the_end(
    seaweed: SeaweedFS, tmp_path: Path, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in seaweed.user.environment().items():
        monkeypatch.setenv(name, value)
    where = {"storage": f"s3://{seaweed.bucket}/draining", "s3_endpoint_url": seaweed.endpoint}
    how = {"s3_profile": "seaweedfs", "state": f"sqlite:{tmp_path}/state.db", "direct_uploads": "on", "base_path": "/"}
    app, outer = create_app(load_settings({**where, **how}, None, {})), web.Application()
    outer.add_subapp("/media", app)
    runner = web.AppRunner(outer)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        direct = DirectClient(session, f"http://127.0.0.1:{runner.addresses[0][1]}/media/")
        upload = await direct.begin()
        app[CONTEXT].concurrency.close()
        for refused in (
            await direct.ask("POST", "multipart", {"filename": "f", "type": ""}),
            await direct.ask("GET", "params", filename="f"),
            await direct.presign(method="POST", key="k"),
        ):
            assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
            assert refused.reason == "the server is restarting; try again soon"
        done = await direct.complete(upload, await direct.parts(upload, b"hello"))
        assert done.json["location"] == direct.files + upload.upload_id
        assert await direct.content(upload.upload_id) == b"hello"
    finally:
        await runner.cleanup()
