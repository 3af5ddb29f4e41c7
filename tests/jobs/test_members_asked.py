"""The members of an archive, as hooks and limits of metadata judge them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from tests.jobs.archives import zipped
from tests.jobs.asking import JobClient
from tests.jobs.exporting import export
from tests.support.installation import Start
from tests.support.receiver import Arrival, Receiver, receiving


def reject_programs(arrival: Arrival) -> web.Response:
    """Answer the hook `pre-create`: reject each upload whose file name ends in .exe; give any other member of an
    archive the id `members/` and its file name."""
    metadata = arrival.json["Event"]["Upload"]["MetaData"]
    name = metadata.get("filename", "")
    if name.endswith(".exe"):
        return web.json_response({"RejectUpload": True})
    change = {"ID": f"members/{name}"} if "archive" in metadata else {}
    return web.json_response({"ChangeFileInfo": change})


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        running.always = reject_programs
        yield running


async def test_a_hook_is_asked_about_each_member(start: Start, session: aiohttp.ClientSession, hook: Receiver) -> None:
    server = start(hooks_http=hook.url, hooks_enabled_events="pre-create")
    await server.start()
    client = JobClient(session, server)
    archives = [zipped({"a.txt": b"1", "b/c.txt": b"2"}), zipped({"d.txt": b"1", "evil.exe": b"2"})]
    good, bad = [await client.uploaded(data, filename="a.zip") for data in archives]
    job = await client.do(good, "unzip")
    assert [member["url"] for member in job["result"]["uploads"]] == [
        f"{client.url}members/{name}" for name in ("a.txt", "c.txt")
    ]
    job = await client.do(bad, "unzip")
    assert (job["phase"], job["error"]["code"]) == ("failed", "upload-rejected")
    assert (await client.head(f"{client.url}members/d.txt")).status == 404
    questions = len(hook.arrivals)
    assert (await export(client, ids=[good]))["phase"] == "done"
    assert len(hook.arrivals) == questions


async def test_long_names_of_members_exceed_the_metadata(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(max_metadata_size=1024, listing=True)
    await server.start()
    client = JobClient(session, server)
    archive = await client.uploaded(zipped({"a": b"1", "b" * 600: b"2"}))
    job = await client.do(archive, "unzip")
    assert (job["phase"], job["error"]["code"]) == ("failed", "malformed")
    answer = await client.send("GET", f"{client.origin}/uploads?format=csv", None, {})
    assert [line[:32] for line in answer.body.decode().split()[1:]] == [archive]
