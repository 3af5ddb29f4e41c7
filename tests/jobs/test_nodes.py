"""Jobs on several nodes, of which some die."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.jobs.asking import JobClient, wait_until_begun
from tests.support.installation import Start
from tests.support.server import Server

UNKNOWN = "0123456789abcdef" * 2


async def test_without_the_setting_there_are_no_routes(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(jobs=False)
    await server.start()
    client = JobClient(session, server)
    for path in ("jobs", f"jobs/{UNKNOWN}"):
        answer = await client.send("GET", f"{client.origin}/{path}", None, {})
        assert (answer.status, answer.body.partition(b":")[0]) == (404, b"not-found")


@pytest.mark.parametrize("state", ["sqlite", "redis"], indirect=True)
async def test_a_job_of_a_killed_node_goes_on_elsewhere(
    start: Start, state: Mapping[str, str], session: aiohttp.ClientSession, folder: Path, tmp_path: Path
) -> None:
    one, two = (start(**state, jobs_dir=folder, lock_ttl="3s", jobs_concurrency=1) for _ in range(2))
    await one.start()
    client = JobClient(session, one)
    upload = await client.uploaded(b"12345")
    job = await client.submit(upload, "command", {"name": "wait"})
    await wait_until_begun(tmp_path, 1)
    await one.kill()
    await two.start()
    client = JobClient(session, two)
    await wait_until_begun(tmp_path, 2)
    (tmp_path / "end").touch()
    ended = await client.ended(job["id"])
    assert (ended["phase"], ended["attempt"], ended["result"]["stdout"]) == ("done", 2, "5\n")


@pytest.mark.parametrize("state", ["sqlite", "redis"], indirect=True)
async def test_a_job_of_a_node_that_shuts_down_is_given_back(
    start: Start, state: Mapping[str, str], session: aiohttp.ClientSession, folder: Path, tmp_path: Path
) -> None:
    one, two = (start(**state, jobs_dir=folder, lock_ttl="60s") for _ in range(2))
    await one.start()
    await two.start()
    client = JobClient(session, one)
    job = await client.submit(await client.uploaded(b"12345"), "command", {"name": "wait"})
    await wait_until_begun(tmp_path, 1)
    stopped = one if await runs_here(one, tmp_path) else two
    remaining_node = JobClient(session, two if stopped is one else one)
    assert await stopped.stop() == 0
    await wait_until_begun(tmp_path, 2)
    (tmp_path / "end").touch()
    ended = await remaining_node.ended(job["id"])
    assert (ended["phase"], ended["attempt"], ended["result"]["stdout"]) == ("done", 1, "5\n")


async def runs_here(server: Server, directory: Path) -> bool:
    pid = int((directory / "begun").read_text().split()[-1])
    return psutil.Process(pid).ppid() == server.pid
