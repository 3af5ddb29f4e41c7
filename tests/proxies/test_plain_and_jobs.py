"""Forms, plain files, lists, jobs and exports, through each proxy and in each version of HTTP."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.curl import Answer
from tests.e2e.deployment import MIB
from tests.plain.forms import encoded, file, form_fields
from tests.proxies.conftest import Way
from tests.proxies.curl import Curl
from tests.support.writing import random_bytes


@pytest.fixture
def through(watched: Way, curl: str, version: str) -> Curl:
    return Curl(curl, watched, version)


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_file_reaches_the_server_while_it_comes(through: Curl, data: bytes, method: str) -> None:
    """Through a proxy, the server gets 8 of the first 9 MiB of a file, in a PUT or in a form by POST, before the client
    sends the rest."""
    way, put = through.way, method == "PUT"
    body = data if put else encoded([file(data, "film.mp4")])
    kind = "video/mp4" if put else form_fields()["Content-Type"]
    before = await way.deployment.until_received(0)
    flags = (way.url + ("film.mp4" if put else ""), "-X", method, "-T", "-")
    async with through.start(*flags, Tus_Resumable="", Content_Type=kind) as slowly:
        await slowly.feed(body[: 9 * MIB])
        await way.deployment.until_received(before + 8 * MIB)
        answer = await slowly.answer(body[9 * MIB :])
    (upload,) = json.loads(answer.content)["uploads"]
    assert (answer.status, upload["filename"], upload["length"]) == (201, "film.mp4", len(data))
    assert answer.headers["location"] == upload["url"]
    assert way.stored(upload["url"]) == data


async def test_lists_are_whole(through: Curl) -> None:
    mark = uuid4().hex
    stored = await through.run(through.way.url + mark, "-X", "PUT", "-d", "content", Tus_Resumable="")
    address = f"{through.way.origin}/uploads?meta.filename={mark}&format="
    rows = [json.loads(line) for line in (await through.run(f"{address}ndjson")).content.splitlines()]
    assert [row.get("url") for row in rows] == [stored.headers["location"], None]
    assert rows[-1] == {"end": {"cursor": str(rows[0]["seq"]), "count": 1}}
    table = await through.run(f"{address}csv")
    assert table.content.endswith(b"\r\n\r\n")
    assert table.headers["content-disposition"] == 'attachment; filename="uploads.csv"'


async def test_a_job_is_watched_and_an_export_is_downloaded(through: Curl) -> None:
    data = random_bytes(MIB)
    async with through.start(through.way.url + "a.bin", "-X", "PUT", "-T", "-", Tus_Resumable="") as sending:
        upload = json.loads((await sending.answer(data)).content)["uploads"][0]["id"]
    checked = await done(through, "/jobs", upload=upload, kind="checksum")
    assert checked["result"]["bytes"] == MIB
    result = (await done(through, "/exports", ids=[upload]))["result"]
    assert result["url"].startswith(through.way.url)
    archive = await through.run(result["url"])
    with zipfile.ZipFile(io.BytesIO(archive.content)) as members:
        assert members.read("a.bin") == data


async def done(through: Curl, path: str, **message: object) -> Any:
    """POST `message` as JSON to `path` (`/jobs` or `/exports`), and return the job that this makes, as the last event
    of its stream tells it. Raises AssertionError unless the job is done."""
    answer = await through.run(f"{through.way.origin}{path}", "-X", "POST", "-d", json.dumps(message))
    job = json.loads(answer.content)
    assert (answer.status, answer.headers["location"]) == (202, f"{through.way.origin}/jobs/{job['id']}")
    events: Answer = await through.run(answer.headers["location"], Accept="text/event-stream")
    last = events.content.strip().rpartition(b"event: end\n")[2]
    ended = json.loads(last.partition(b"data: ")[2])
    assert (ended["id"], ended["phase"]) == (job["id"], "done")
    return ended
