"""Jobs that each upload but a partial one gets when it is finished (`jobs-on-finish`), and that are cancelled when the
upload ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import aiohttp
import pytest

from devtools.clamd import MALICE, FakeClamd, fake_clamd
from tests.jobs.archives import zipped
from tests.jobs.asking import ENDED, PATIENCE, Job, JobClient, until
from tests.support.installation import Start


@pytest.fixture
async def clamd() -> AsyncIterator[FakeClamd]:
    async with fake_clamd() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "count").write_text("#!/bin/sh\nwc -c\n")
    (commands / "count").chmod(0o755)
    return commands


async def jobs_of(client: JobClient, upload: str, count: int) -> Sequence[Job]:
    """Return the jobs of the upload once there are at least `count` and all have ended. Raises TimeoutError after
    `PATIENCE` seconds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            jobs = await client.jobs(f"upload={upload}")
            if len(jobs) >= count and all(job["phase"] in ENDED for job in jobs):
                return jobs
            await asyncio.sleep(0.1)


async def test_a_finished_upload_gets_one_job_of_each_kind(
    start: Start, state: Mapping[str, str], session: aiohttp.ClientSession, clamd: FakeClamd, folder: Path
) -> None:
    server = start(**state, clamd=clamd.address, jobs_dir=folder, jobs_on_finish="scan,checksum,command:count")
    await server.start()
    client = JobClient(session, server)
    upload = await client.uploaded(b"12345")
    jobs = await jobs_of(client, upload, 3)
    assert sorted(job["kind"] for job in jobs) == ["checksum", "command", "scan"]
    assert {job["phase"] for job in jobs} == {"done"}
    assert next(job["result"]["stdout"] for job in jobs if job["kind"] == "command") == "5\n"


async def test_a_partial_upload_gets_none(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(jobs_on_finish="checksum")
    await server.start()
    client = JobClient(session, server)
    parts = [await client.create(3, b"abc", upload_concat="partial") for _ in range(2)]
    answer = await client.post(None, upload_concat=f"final;{' '.join(parts)}")
    final = answer.url.rpartition("/")[2]
    (job,) = await jobs_of(client, final, 1)
    assert job["result"]["bytes"] == 6
    assert [listed["id"] for listed in await client.jobs()] == [job["id"]]


async def test_what_was_unzipped_isnt_unzipped_again(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(jobs_on_finish="unzip,checksum")
    await server.start()
    client = JobClient(session, server)
    archive = await client.uploaded(zipped({"inner.zip": zipped({"a": b"1"}), "b": b"2"}))
    jobs = await jobs_of(client, archive, 2)
    (members,) = [job["result"]["uploads"] for job in jobs if job["kind"] == "unzip"]
    for member in members:
        assert [job["kind"] for job in await jobs_of(client, member["id"], 1)] == ["checksum"]
    assert [url["url"].startswith(client.url) for url in members] == [True, True]


async def test_the_end_of_an_upload_cancels_its_jobs(
    start: Start, session: aiohttp.ClientSession, clamd: FakeClamd
) -> None:
    server = start(clamd=clamd.address, jobs_on_finish="scan", jobs_concurrency=1)
    await server.start()
    client = JobClient(session, server)
    clamd.allowed.clear()
    upload = await client.uploaded(b"12345")
    queued = await client.submit(upload, "checksum")
    assert (await client.request("DELETE", f"{client.url}{upload}")).status == 204
    assert (await client.ended(queued["id"]))["phase"] == "cancelled"
    assert {job["phase"] for job in await jobs_of(client, upload, 2)} == {"cancelled"}


async def test_a_find_ends_the_upload_and_its_other_jobs(
    start: Start, session: aiohttp.ClientSession, clamd: FakeClamd
) -> None:
    server = start(clamd=clamd.address, jobs_on_finish="scan", jobs_concurrency=1)
    await server.start()
    client = JobClient(session, server)
    clamd.allowed.clear()
    upload = await client.uploaded(MALICE)
    await until(lambda: bool(clamd.streams))
    checksum_job = await client.submit(upload, "checksum")
    clamd.allowed.set()
    (scan,) = [job for job in await jobs_of(client, upload, 2) if job["kind"] == "scan"]
    assert (scan["phase"], scan["result"]["verdict"]) == ("done", "found")
    assert (await client.job(checksum_job["id"]))["phase"] == "cancelled"
    assert (await client.get(f"{client.url}{upload}")).status == 404
