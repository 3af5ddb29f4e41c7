"""Jobs belong to the owners of uploads."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from devtools.clamd import MALICE, FakeClamd, fake_clamd
from tests.jobs.asking import ENDED, Job, JobClient, until, until_so
from tests.support.exchange import Answer
from tests.support.installation import Start
from tests.support.logins import JWT, api_keys, bearing

ALICE = {"X-Api-Key": "alice"}


def code(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body.partition(b":")[0]


@dataclass(frozen=True, slots=True)
class User:
    """A user of a server behind a proxy that names its users; one without a name isn't logged in."""

    client: JobClient
    name: str

    async def ask(self, method: str, path: str, message: Mapping[str, object] | None = None) -> Answer:
        body = None if message is None else json.dumps(message).encode()
        fields = {"X-User": self.name} if self.name else {}
        return await self.client.send(method, f"{self.client.origin}/{path}", body, fields)

    async def create(self) -> str:
        """Create a finished upload of 5 bytes as this user. Return its id."""
        return (await self.client.create(5, b"12345", x_user=self.name)).rpartition("/")[2]

    async def jobs(self) -> Sequence[Job]:
        return list(json.loads((await self.ask("GET", "jobs?format=json")).body)["jobs"])

    async def exported(self, message: Mapping[str, object]) -> Job:
        """Ask for the export that `message`, the body of the POST, describes, as this user. Return its job once that
        has ended, also if it failed. Raises TimeoutError after 60 seconds."""
        job_id = json.loads((await self.ask("POST", "exports", message)).body)["id"]

        async def ended() -> bool:
            return json.loads((await self.ask("GET", f"jobs/{job_id}")).body)["phase"] in ENDED

        await until_so(ended)
        return dict(json.loads((await self.ask("GET", f"jobs/{job_id}")).body))


@pytest.fixture
async def client(start: Start, session: aiohttp.ClientSession) -> JobClient:
    server = start(auth="proxy", auth_user_header="X-User", behind_proxy=True, jobs_on_finish="checksum")
    await server.start()
    return JobClient(session, server)


async def test_an_owner_has_jobs_on_its_own_uploads_alone(client: JobClient) -> None:
    alice, bob, carol, stranger = (User(client, name) for name in ("alice", "bob", "carol", ""))
    upload, bobs_upload = await alice.create(), await bob.create()
    wanted_job = {"upload": upload, "kind": "checksum"}
    assert code(await stranger.ask("POST", "jobs", wanted_job)) == (401, b"unauthenticated")
    assert code(await stranger.ask("GET", "jobs")) == (401, b"unauthenticated")
    assert code(await bob.ask("POST", "jobs", wanted_job)) == (404, b"not-found")
    answer = await alice.ask("POST", "jobs", wanted_job)
    assert answer.status == 202
    for method in ("GET", "DELETE"):
        assert code(await bob.ask(method, f"jobs/{json.loads(answer.body)['id']}")) == (404, b"not-found")

    async def has_begun() -> bool:
        return [len(await user.jobs()) for user in (alice, bob, carol)] == [2, 1, 0]

    await until_so(has_begun)
    assert {job["upload_id"] for job in await bob.jobs()} == {bobs_upload}


async def test_an_owner_exports_its_own_uploads_alone(client: JobClient) -> None:
    alice, bob = User(client, "alice"), User(client, "bob")
    upload, bobs_upload = await alice.create(), await bob.create()
    refused_export = await alice.exported({"ids": [upload, bobs_upload]})
    assert refused_export["error"]["upload_id"] == bobs_upload
    result = (await alice.exported({"filter": {}, "format": "ndjson"}))["result"]
    assert result["members"] == 1
    assert (await client.fetch(result["url"], x_user="bob")).status == 404
    assert upload in (await client.fetch(result["url"], x_user="alice")).body.decode()


async def test_no_tenant_sees_jobs_of_a_like_name(start: Start, session: aiohttp.ClientSession) -> None:
    """The user `bob` of the tenant `acme` doesn't see the jobs of the user `acme/bob`, who has no tenant."""
    server = start(**JWT, auth_tenant_claim="org", jobs_on_finish="checksum")
    await server.start()
    client = JobClient(session, server)
    bob, stranger = bearing("bob", org="acme"), bearing("acme/bob")
    await client.create(5, b"12345", authorization=stranger["Authorization"])

    async def counts() -> list[int]:
        answers = [
            await client.send("GET", f"{server.origin}/jobs?format=json", None, fields) for fields in (stranger, bob)
        ]
        return [len(json.loads(answer.body)["jobs"]) for answer in answers]

    async def is_listed() -> bool:
        return (await counts())[0] == 1

    await until_so(is_listed)
    assert await counts() == [1, 0]


async def test_anothers_ended_upload_is_not_said_to_be_gone(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(auth="proxy", auth_user_header="X-User", behind_proxy=True, gone_status=410)
    await server.start()
    client = JobClient(session, server)
    url = await client.create(5, b"12345", x_user="alice")
    assert (await client.request("DELETE", url, x_user="alice")).status == 204
    message = json.dumps({"upload": url.rpartition("/")[2], "kind": "checksum"}).encode()
    answers = {
        user: code(await client.send("POST", f"{server.origin}/jobs", message, {"X-User": user}))
        for user in ("alice", "bob")
    }
    assert answers == {"alice": (410, b"gone"), "bob": (404, b"not-found")}


@pytest.fixture
async def clamd() -> AsyncIterator[FakeClamd]:
    """A clamd that answers nothing until `allowed` is set."""
    async with fake_clamd() as running:
        running.allowed.clear()
        yield running


@pytest.fixture
async def scans(start: Start, session: aiohttp.ClientSession, clamd: FakeClamd, tmp_path: Path) -> JobClient:
    """The client of a server that scans each upload."""
    keys = api_keys(tmp_path, alice="", root="scopes=upload list")
    server = start(**keys, clamd=clamd.address, jobs_on_finish="scan")
    await server.start()
    return JobClient(session, server)


async def scanned(client: JobClient, clamd: FakeClamd) -> tuple[str, str]:
    """Upload an infected file as alice. Return the URLs of the upload and of its scan's job, once clamd has received
    the file. Raises TimeoutError after 60 seconds."""
    url = await client.create(len(MALICE), MALICE, x_api_key="alice")
    await until(lambda: bool(clamd.streams))
    listed = await client.send("GET", f"{client.origin}/jobs?format=json", None, ALICE)
    (job,) = json.loads(listed.body)["jobs"]
    return url, f"{client.origin}/jobs/{job['id']}"


async def test_an_owner_doesnt_cancel_the_operators_scan(scans: JobClient, clamd: FakeClamd) -> None:
    url, job = await scanned(scans, clamd)
    assert code(await scans.send("DELETE", job, None, ALICE)) == (403, b"insufficient-scope")
    own_scan = json.dumps({"upload": url.rpartition("/")[2], "kind": "scan"}).encode()
    own_job = json.loads((await scans.send("POST", f"{scans.origin}/jobs", own_scan, ALICE)).body)["id"]
    assert (await scans.send("DELETE", f"{scans.origin}/jobs/{own_job}", None, ALICE)).status == 204
    clamd.allowed.set()

    async def has_ended() -> bool:
        return (await scans.fetch(url, **ALICE)).status == 404

    await until_so(has_ended)
    assert code(await scans.send("DELETE", job, None, ALICE)) == (409, b"job-ended")


async def test_an_operator_cancels_the_scan_of_each_upload(scans: JobClient, clamd: FakeClamd) -> None:
    _, job = await scanned(scans, clamd)
    assert (await scans.send("DELETE", job, None, {"X-Api-Key": "root"})).status == 204
