"""The end of a job wakes listeners of the feed. A listener that isn't woken looks at the state only once an hour here,
not every 10 seconds as usual, so that a job event before that proves that it was woken."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from tests.jobs.asking import wait_until_begun
from tests.support.live import listening
from tests.support.tus import TusClient
from tusd_py import create_app
from tusd_py.config import load_settings
from tusd_py.http.handlers import feed as feed_routes


@pytest.fixture
async def origin(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setattr(feed_routes, "_HEAL", math.inf)
    switches = {"live": "on", "live_heartbeat": "1h", "jobs": "on", "jobs_dir": str(folder)}
    settings = load_settings({"state": "memory:", "storage": f"file:{tmp_path}/data", **switches}, None, {})
    async with TestServer(create_app(settings)) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_each_end_of_a_job_wakes_the_feed(origin: str, session: aiohttp.ClientSession, tmp_path: Path) -> None:
    client = TusClient(session, f"{origin}/files/")
    upload = (await client.create(5, b"12345")).rpartition("/")[2]

    async def submit(kind: str, **args: str) -> str:
        body = json.dumps({"upload": upload, "kind": kind, "args": args}).encode()
        return str(json.loads((await client.send("POST", f"{origin}/jobs", body, {})).body)["id"])

    async with listening(session, f"{origin}/events?types=job&since=now") as feed:
        for kind, end in (("checksum", "done"), ("unzip", "failed")):
            job = await submit(kind)
            assert (await feed.expect("job")).data["id"] == f"evt_{job}_{end}"
        job = await submit("command", name="wait")
        await wait_until_begun(tmp_path, 1)
        await client.send("DELETE", f"{origin}/jobs/{job}", None, {})
        assert (await feed.expect("job")).data["id"] == f"evt_{job}_cancelled"
