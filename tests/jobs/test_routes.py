"""The routes of jobs: what is asked for, told, streamed and cancelled, and what is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
import pytest_asyncio

from tests.jobs.asking import JobClient
from tests.support.exchange import Answer
from tests.support.installation import installation
from tests.support.raw import requesting
from tests.support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "0123456789abcdef" * 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """The server that all tests of this module share."""
    async with installation(tmp_path_factory.mktemp("jobs"), jobs=True) as start:
        server = start()
        await server.start()
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def client(server: Server) -> AsyncIterator[JobClient]:
    async with aiohttp.ClientSession() as session:
        yield JobClient(session, server)


def refusal(answer: Answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"].startswith("text/plain")
    code, _, sentence = answer.body.decode().partition(": ")
    assert sentence
    return answer.status, code


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        ("thumbnail", {}),
        (7, {}),
        ("checksum", []),
        ("checksum", "sha256"),
        ("checksum", {"algorithms": []}),
        ("checksum", {"algorithms": "sha256"}),
        ("checksum", {"algorithms": ["sha1"]}),
        ("checksum", {"algorithms": [{}]}),
        ("checksum", {"algorithm": "sha256"}),
        ("scan", {}),
        ("copy", {"to": "s3://other"}),
        ("command", {"name": "thumb"}),
        ("export", {}),
    ],
)
async def test_a_job_that_cant_be_done_is_refused(client: JobClient, kind: object, args: object) -> None:
    upload = await client.uploaded(b"12345")
    assert refusal(await client.ask(upload, kind, args)) == (400, "bad-job")
    assert await client.jobs(f"upload={upload}") == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'"x"', b"\xff", b"[" * 50_000, b'{"upload":null,"kind":"checksum"}']
)
async def test_a_body_that_is_no_request_is_refused(client: JobClient, body: bytes) -> None:
    assert refusal(await client.send("POST", f"{client.origin}/jobs", body, {})) == (400, "bad-job")


async def test_a_body_that_is_too_long_is_refused(client: JobClient) -> None:
    assert refusal(await client.send("POST", f"{client.origin}/jobs", b" " * 70_000, {})) == (413, "too-large")


async def test_jobs_are_for_finished_uploads_alone(client: JobClient) -> None:
    url = await client.create(5)
    assert refusal(await client.ask(url.rpartition("/")[2], "checksum")) == (409, "not-finished")
    assert refusal(await client.ask(UNKNOWN, "checksum")) == (404, "not-found")
    assert refusal(await client.ask("no id", "checksum")) == (404, "not-found")


async def test_an_unknown_job_is_not_found(client: JobClient) -> None:
    for url in (f"{client.origin}/jobs/{UNKNOWN}", f"{client.origin}/jobs/x"):
        assert refusal(await client.send("GET", url, None, {})) == (404, "not-found")
        assert refusal(await client.send("DELETE", url, None, {})) == (404, "not-found")


async def test_other_methods_are_refused(client: JobClient) -> None:
    answer = await client.send("PUT", f"{client.origin}/jobs", b"", {})
    assert refusal(answer) == (405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, POST, OPTIONS"
    answer = await client.send("POST", f"{client.origin}/jobs/{UNKNOWN}", b"", {})
    assert refusal(answer) == (405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, DELETE, OPTIONS"


async def test_jobs_are_listed_oldest_first_and_in_pages(client: JobClient) -> None:
    one, two = await client.uploaded(b"1"), await client.uploaded(b"2")
    before = [job["id"] for job in await client.jobs()]
    ids = [(await client.do(upload, "checksum"))["id"] for upload in (one, two, one)]
    assert [job["id"] for job in await client.jobs()] == [*before, *ids]
    assert [job["id"] for job in await client.jobs(f"upload={one}")] == [ids[0], ids[2]]
    assert await client.jobs("upload=x") == await client.jobs("phase=queued") == await client.jobs("kind=scan") == []
    assert [job["id"] for job in await client.jobs(f"phase=done,failed&kind=checksum&upload={one}&limit=1")] == ids[:1]
    assert [job["id"] for job in await client.jobs(f"since={ids[0]}&limit=1")] == [ids[1]]


async def test_a_list_in_lines_ends_with_its_cursor(client: JobClient) -> None:
    job = await client.do(await client.uploaded(b"1"), "checksum")
    answer = await client.send("GET", f"{client.origin}/jobs?upload={job['upload_id']}", None, {})
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert lines(answer) == [job, {"end": {"cursor": job["id"], "count": 1}}]
    answer = await client.send("GET", f"{client.origin}/jobs?phase=failed", None, {})
    assert lines(answer) == [{"end": {"cursor": "0", "count": 0}}]


@pytest.mark.parametrize("query", ["limit=x", "since=x", "format=csv", "limit=" + "9" * 19])
async def test_a_query_that_cant_be_read_is_refused(client: JobClient, query: str) -> None:
    assert refusal(await client.send("GET", f"{client.origin}/jobs?{query}", None, {})) == (400, "bad-query")


async def test_an_ended_job_is_not_cancelled(client: JobClient) -> None:
    job = await client.do(await client.uploaded(b"1"), "checksum")
    assert refusal(await client.cancel(job["id"])) == (409, "job-ended")


async def test_a_job_is_streamed_as_events(client: JobClient) -> None:
    job = await client.submit(await client.uploaded(b"1"), "checksum")
    answer = await client.send("GET", f"{client.origin}/jobs/{job['id']}", None, {"Accept": "text/event-stream"})
    assert answer.headers["Content-Type"] == "text/event-stream"
    first, *_, last = [dict(field.split(": ", 1) for field in block.splitlines()) for block in blocks(answer)]
    assert first["event"] == "job"
    assert json.loads(first["data"])["revision"] == int(first["id"])
    final_state = json.loads(last["data"])
    assert (last["event"], last["id"]) == ("end", f"{final_state['revision']}.end")
    assert final_state == await client.job(job["id"])
    fields = {"Accept": "text/event-stream", "Last-Event-ID": last["id"]}
    assert (await client.send("GET", f"{client.origin}/jobs/{job['id']}", None, fields)).status == 204


async def test_a_job_is_streamed_in_lines(client: JobClient) -> None:
    job = await client.submit(await client.uploaded(b"1"), "checksum")
    answer = await client.send("GET", f"{client.origin}/jobs/{job['id']}", None, {"Accept": "application/x-ndjson"})
    *states, end = lines(answer)
    last = await client.job(job["id"])
    assert states[-1] == last
    assert end == {"end": {"cursor": str(last["revision"]), "count": len(states)}}


async def test_a_page_of_another_origin_may_ask(client: JobClient) -> None:
    fields = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    answer = await client.send("OPTIONS", f"{client.origin}/jobs", None, fields)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://page.example"


async def test_a_client_is_told_to_go_on_after_the_checks(client: JobClient) -> None:
    url = f"{client.origin}/jobs"
    for fields, status in (({}, 100), ({"Sec-Fetch-Site": "cross-site"}, 401), ({"Content-Length": 70_000}, 413)):
        async with requesting("POST", url, **{"Content-Length": 2, "Expect": "100-continue", **fields}) as connection:
            assert (await connection.answer()).status == status
    async with requesting("POST", url, content_length=2, expect="200-ok") as connection:
        answer = await connection.answer()
        assert (answer.status, answer.body.partition(b":")[0]) == (417, b"expectation-failed")


@pytest.mark.parametrize("path", ["jobs", "exports"])
async def test_pages_send_json_alone(client: JobClient, path: str) -> None:
    """A request from a page is refused with 415 unless its type is application/json: else a form of another site, which
    needs no preflight, could ask for jobs."""
    for page in ({"Origin": client.origin}, {"Sec-Fetch-Site": "same-origin"}):
        answer = await client.send("POST", f"{client.origin}/{path}", b"{}", {"Content-Type": "text/plain", **page})
        assert refusal(answer) == (415, "wrong-content-type")
        answer = await client.send(
            "POST", f"{client.origin}/{path}", b"{}", {"Content-Type": "application/json", **page}
        )
        assert answer.status == 400


def lines(answer: Answer) -> list[Mapping[str, object]]:
    return [json.loads(line) for line in answer.body.decode().splitlines()]


def blocks(answer: Answer) -> list[str]:
    return [block for block in answer.body.decode().split("\n\n") if block]
