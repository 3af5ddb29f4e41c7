"""The ends of jobs in the feed of all events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.jobs.asking import Job, JobClient, wait_until_begun
from tests.support.installation import Start
from tests.support.live import Sent, fields, lines, listening


async def read_lines(client: JobClient, query: str = "types=job", **headers: str) -> Sequence[Any]:
    """Return the parsed lines of the feed; the last one is its end. `headers` are header fields."""
    async with client.http.get(f"{client.origin}/events?format=ndjson&{query}", headers=fields(headers)) as answer:
        assert answer.status == 200, await answer.text()
        return await lines(answer)


def check(event: Any, job: Job) -> None:
    """Assert that `event` tells the end of `job`, and has the same members as `job`, which GET /jobs/ID or GET /jobs
    returned. Only `due_at` and `revision` may differ: a node changes them later, when it clears up after the job."""
    assert event["id"] == f"evt_{job['id']}_{job['phase']}"
    assert event["type"] == f"tusdpy.job.{job['phase']}.v1"
    assert event["subject"] == event["partitionkey"] == (job["upload_id"] or job["id"])
    told_job = event["data"]["job"]
    cleared_later = {"due_at": told_job["due_at"], "revision": told_job["revision"]}
    assert (event["time"], event["data"]) == (job["updated"], {"job": {**job, **cleared_later}})


async def ends(client: JobClient, directory: Path) -> Sequence[Job]:
    """Make three jobs of one upload: one that is done, one that fails, and one that is cancelled while it runs, the
    command `wait` of the fixture `folder`. Return them. `directory` is the test's `tmp_path`, where `wait` notes that
    it runs."""
    upload = await client.uploaded(b"12345")
    done = await client.do(upload, "checksum")
    failed = await client.do(upload, "unzip")
    running = await client.submit(upload, "command", {"name": "wait"})
    await wait_until_begun(directory, 1)
    assert (await client.cancel(running["id"])).status == 204
    return [done, failed, await client.ended(running["id"])]


async def test_each_end_is_told_by_events_and_by_lines(
    start: Start, state: Mapping[str, str], session: aiohttp.ClientSession, folder: Path, tmp_path: Path
) -> None:
    server = start(**state, live=True, jobs_dir=folder)
    await server.start()
    client = JobClient(session, server)
    async with listening(session, f"{client.origin}/events?types=job") as feed:
        jobs = await ends(client, tmp_path)
        assert [job["phase"] for job in jobs] == ["done", "failed", "cancelled"]
        job_events = [await feed.expect("job") for _ in jobs]
    for event, job in zip(job_events, jobs, strict=True):
        check(event.data, job)
        assert event.data["sequence"] == f"{int(event.id):020}"
        assert event.data["source"] == client.url
    events = [event.data for event in job_events]
    cursors = [int(event.id) for event in job_events]
    assert cursors == sorted(set(cursors))
    assert await read_lines(client) == [*events, {"end": {"cursor": str(cursors[2]), "count": 3}}]
    assert (await read_lines(client, f"types=job&since={cursors[0]}"))[:-1] == events[1:]
    assert [event["type"] for event in (await read_lines(client, ""))[:-1]] == [
        "tusdpy.upload.created.v1",
        "tusdpy.upload.finished.v1",
        *(event["type"] for event in events),
    ]
    assert len(await read_lines(client, "types=created,finished")) == 3
    async with listening(session, f"{client.origin}/events", Last_Event_ID=job_events[1].id) as feed:
        assert await feed.next() == Sent(type="job", id=job_events[2].id, data=events[2])


async def test_a_finish_is_followed_by_the_ends_of_its_jobs(
    start: Start, state: Mapping[str, str], session: aiohttp.ClientSession
) -> None:
    server = start(**state, live=True, jobs_on_finish="checksum")
    await server.start()
    client = JobClient(session, server)
    async with listening(session, f"{client.origin}/events") as feed:
        upload = await client.uploaded(b"12345")
        events = [await feed.next() for _ in range(3)]
    assert [event and event.type for event in events] == ["created", "finished", "job"]
    last = events[-1]
    assert last is not None
    check(last.data, (await client.jobs(f"upload={upload}"))[0])


async def test_an_export_is_told_under_its_own_id(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(live=True)
    await server.start()
    client = JobClient(session, server)
    body = json.dumps({"ids": [await client.uploaded(b"12345")]}).encode()
    answer = await client.send("POST", f"{client.origin}/exports", body, {})
    job = await client.ended(json.loads(answer.body)["id"])
    [event, end] = await read_lines(client)
    check(event, job)
    assert (event["subject"], event["data"]["job"]["upload_id"], end["end"]["count"]) == (job["id"], None, 1)


async def test_the_end_of_an_upload_comes_before_those_of_its_jobs(
    start: Start, session: aiohttp.ClientSession, folder: Path, tmp_path: Path
) -> None:
    server = start(live=True, jobs_dir=folder)
    await server.start()
    client = JobClient(session, server)
    upload = await client.uploaded(b"12345")
    job = await client.submit(upload, "command", {"name": "wait"})
    await wait_until_begun(tmp_path, 1)
    async with listening(session, f"{client.origin}/events?types=terminated,job") as feed:
        await client.terminate(f"{client.url}{upload}")
        first, second = await feed.next(), await feed.next()
    assert first is not None
    assert second is not None
    assert (first.type, first.data["subject"]) == ("terminated", upload)
    check(second.data, await client.ended(job["id"]))
    assert second.data["type"] == "tusdpy.job.cancelled.v1"


async def test_an_owner_is_told_of_its_own_jobs(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(live=True, auth="proxy", auth_user_header="X-User", behind_proxy=True, jobs_on_finish="checksum")
    await server.start()
    client = JobClient(session, server)
    for user in ("alice", "bob"):
        async with listening(session, f"{client.origin}/events?types=job", X_User=user) as feed:
            upload = (await client.create(5, b"12345", x_user=user)).rpartition("/")[2]
            assert (await feed.expect("job")).data["subject"] == upload
        [event, _] = await read_lines(client, X_User=user)
        assert event["subject"] == upload
        assert len(await read_lines(client, f"types=job&owner={user}", X_User="alice")) == (2 if user == "alice" else 1)
    assert len(await read_lines(client, X_User="carol")) == 1


@pytest.mark.parametrize("state", ["sqlite", "redis"], indirect=True)
async def test_the_end_of_a_job_whose_node_died_is_told_once(
    start: Start, state: Mapping[str, str], session: aiohttp.ClientSession, folder: Path, tmp_path: Path
) -> None:
    one, two = (start(**state, live=True, jobs_dir=folder, lock_ttl="3s", jobs_concurrency=1) for _ in range(2))
    await one.start()
    client = JobClient(session, one)
    job = await client.submit(await client.uploaded(b"12345"), "command", {"name": "wait"})
    await wait_until_begun(tmp_path, 1)
    await one.kill()
    await two.start()
    client = JobClient(session, two)
    async with listening(session, f"{client.origin}/events?types=job") as feed:
        await wait_until_begun(tmp_path, 2)
        (tmp_path / "end").touch()
        event = await feed.expect("job")
    check(event.data, await client.ended(job["id"]))
    assert event.data["data"]["job"]["attempt"] == 2
    assert (await read_lines(client))[:-1] == [event.data]


@pytest.mark.parametrize("state", ["sqlite", "redis"], indirect=True)
async def test_the_end_of_a_job_at_another_node_is_told(
    start: Start, state: Mapping[str, str], session: aiohttp.ClientSession
) -> None:
    near, far = start(**state, live=True, jobs=False), start(**state, live=True)
    await asyncio.gather(near.start(), far.start())
    client = JobClient(session, far)
    async with listening(session, f"{near.origin}/events?types=job") as feed:
        job = await client.do(await client.uploaded(b"12345"), "checksum")
        check((await feed.expect("job")).data, job)
