"""The limits of an API key bind the uploads that jobs make with it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.jobs.archives import zipped
from tests.jobs.asking import ENDED, Job, JobClient, until_so
from tests.support.installation import Start
from tests.support.logins import api_keys
from tests.support.writing import random_bytes

KEY = {"X-Api-Key": "alice"}
LARGE = zipped({"a.txt": bytes(200_000)})
STORED = zipped({"a.txt": random_bytes(60_000)}, zipfile.ZIP_STORED)


class KeyClient(JobClient):
    """A client whose methods `put`, `request_job` and `ended_job` send the API key of alice; the inherited methods send
    no key."""

    async def put(self, data: bytes) -> str:
        """Upload the bytes with the key of alice, declared as application/zip. Return the upload's id."""
        fields = {"upload_metadata": "filetype YXBwbGljYXRpb24vemlw"}
        return (await self.create(len(data), data, **fields, **KEY)).rpartition("/")[2]

    async def request_job(self, path: str, **message: object) -> Job:
        """Send a POST to `path` with the members `message` as JSON, and return the job that it asks for, once that has
        ended. Raises AssertionError if the answer isn't 202, TimeoutError after 60 seconds."""
        answer = await self.send("POST", f"{self.origin}/{path}", json.dumps(message).encode(), KEY)
        assert answer.status == 202, answer
        return await self.ended_job(answer.headers["Location"])

    async def ended_job(self, url: str) -> Job:
        """Return the job at the URL, once it has ended. Raises TimeoutError after 60 seconds."""
        job: dict[str, Any] = {}

        async def has_ended() -> bool:
            job.update(json.loads((await self.send("GET", url, None, KEY)).body))
            return job["phase"] in ENDED

        await until_so(has_ended)
        return job


async def served(
    start: Start, session: aiohttp.ClientSession, directory: Path, policy: str, **settings: object
) -> KeyClient:
    server = start(**api_keys(directory, alice=policy), unzip_max_ratio=2000, **settings)
    await server.start()
    return KeyClient(session, server)


def failure(job: Job) -> tuple[str, str | None]:
    return job["phase"], (job["error"] or {}).get("code")


@pytest.mark.parametrize(
    ("policy", "data", "code"),
    [
        ("max-size=100kB", LARGE, "too-large"),
        ("quota-bytes=100kB", STORED, "over-quota"),
        ("types=application/zip", LARGE, "type-not-allowed"),
    ],
)
async def test_a_key_binds_what_is_unzipped(
    start: Start, session: aiohttp.ClientSession, tmp_path: Path, policy: str, data: bytes, code: str
) -> None:
    client = await served(start, session, tmp_path, policy)
    upload = await client.put(data)
    assert failure(await client.request_job("jobs", upload=upload, kind="unzip")) == ("failed", code)
    assert [path.name for path in (tmp_path / "data").rglob(32 * "?")] == [upload]


@pytest.mark.parametrize(
    ("policy", "code"), [("max-size=100kB", "too-large"), ("types=application/zip", "type-not-allowed")]
)
async def test_a_key_binds_what_the_server_unzips(
    start: Start, session: aiohttp.ClientSession, tmp_path: Path, policy: str, code: str
) -> None:
    """A job `unzip` that `jobs-on-finish` asks for fails with the code of a limit if a member breaks this limit of the
    API key with which the archive was uploaded."""
    client = await served(start, session, tmp_path, policy, jobs_on_finish="unzip")
    await client.put(LARGE)
    jobs: list[Mapping[str, Any]] = []

    async def has_begun() -> bool:
        answer = await client.send("GET", f"{client.origin}/jobs?format=json", None, KEY)
        jobs.extend(json.loads(answer.body)["jobs"])
        return bool(jobs)

    await until_so(has_begun)
    assert failure(await client.ended_job(f"{client.origin}/jobs/{jobs[0]['id']}")) == ("failed", code)


async def test_members_are_stored_below_the_keys_prefix(
    start: Start, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    client = await served(start, session, tmp_path, "key-prefix=team/")
    job = await client.request_job("jobs", upload=await client.put(LARGE), kind="unzip")
    (member,) = job["result"]["uploads"]
    assert (tmp_path / "data/team" / member["id"]).stat().st_size == 200_000


@pytest.mark.parametrize(("policy", "outcome"), [("100kB", ("failed", "over-quota")), ("1MB", ("done", None))])
async def test_a_keys_quota_counts_in_place_of_the_settings(
    start: Start, session: aiohttp.ClientSession, tmp_path: Path, policy: str, outcome: tuple[str, str | None]
) -> None:
    client = await served(start, session, tmp_path, f"quota-bytes={policy}", quota_bytes="110kB")
    upload = await client.put(STORED)
    assert failure(await client.request_job("exports", ids=[upload])) == outcome


async def test_an_export_is_of_another_type_than_a_key_allows(
    start: Start, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    client = await served(start, session, tmp_path, "types=application/zip")
    upload = await client.put(STORED)
    assert failure(await client.request_job("exports", ids=[upload], format="csv")) == ("done", None)
