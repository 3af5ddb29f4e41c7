"""Jobs belong to the owners of uploads."""

from __future__ import annotations

import json
from collections.abc import Mapping

import aiohttp

from tests.jobs.asking import ENDED, JobClient, until_so
from tests.support.exchange import Answer
from tests.support.installation import Start
from tests.support.logins import JWT, bearing


def code(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body.partition(b":")[0]


async def test_an_owner_has_jobs_on_its_own_uploads_alone(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(auth="proxy", auth_user_header="X-User", behind_proxy=True, jobs_on_finish="checksum")
    await server.start()
    client = JobClient(session, server)

    async def ask(user: str | None, method: str, path: str, message: Mapping[str, object] | None = None) -> Answer:
        body = None if message is None else json.dumps(message).encode()
        return await client.send(method, f"{server.origin}/{path}", body, {"X-User": user} if user else {})

    upload = (await client.create(5, b"12345", x_user="alice")).rpartition("/")[2]
    bobs_upload = (await client.create(5, b"12345", x_user="bob")).rpartition("/")[2]
    wanted_job = {"upload": upload, "kind": "checksum"}
    assert code(await ask(None, "POST", "jobs", wanted_job)) == (401, b"unauthenticated")
    assert code(await ask(None, "GET", "jobs")) == (401, b"unauthenticated")
    assert code(await ask("bob", "POST", "jobs", wanted_job)) == (404, b"not-found")
    answer = await ask("alice", "POST", "jobs", wanted_job)
    assert answer.status == 202
    job = f"jobs/{json.loads(answer.body)['id']}"
    for method in ("GET", "DELETE"):
        assert code(await ask("bob", method, job)) == (404, b"not-found")

    async def jobs_of(user: str) -> list[Mapping[str, str]]:
        return list(json.loads((await ask(user, "GET", "jobs?format=json")).body)["jobs"])

    async def has_begun() -> bool:
        return [len(await jobs_of(user)) for user in ("alice", "bob", "carol")] == [2, 1, 0]

    await until_so(has_begun)
    assert {row["upload_id"] for row in await jobs_of("bob")} == {bobs_upload}

    answer = await ask("alice", "POST", "exports", {"ids": [upload, bobs_upload]})
    export = f"jobs/{json.loads(answer.body)['id']}"

    async def ended() -> bool:
        return json.loads((await ask("alice", "GET", export)).body)["phase"] in ENDED

    await until_so(ended)
    assert json.loads((await ask("alice", "GET", export)).body)["error"]["upload_id"] == bobs_upload
    answer = await ask("alice", "POST", "exports", {"filter": {}, "format": "ndjson"})
    export = f"jobs/{json.loads(answer.body)['id']}"
    await until_so(ended)
    result = json.loads((await ask("alice", "GET", export)).body)["result"]
    assert result["members"] == 1
    assert (await client.fetch(result["url"], x_user="bob")).status == 404
    assert upload in (await client.fetch(result["url"], x_user="alice")).body.decode()


async def test_no_tenant_sees_jobs_of_a_like_name(start: Start, session: aiohttp.ClientSession) -> None:
    """The subject `acme/bob` of no tenant isn't `bob` of the tenant `acme`."""
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
