"""URLSession of iPhones and Macs, imitated: it uploads a file, and resumes after a loss of the network without help
from its app."""

from __future__ import annotations

import aiohttp
import pytest

from tests.support.raw import RawAnswer
from tests.support.sites import Site
from tests.support.urlsession import INTEROP, Task
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")

DATA = random_bytes(11 * 1024 * 1024 + 5)


@pytest.fixture(params=INTEROP)
def task(request: pytest.FixtureRequest, site: Site) -> Task:
    return Task(url=site.server.url, data=DATA, version=INTEROP[request.param])


async def content(answer: RawAnswer) -> bytes:
    assert answer.status == 201
    async with aiohttp.ClientSession() as session, session.get(answer.headers["location"]) as download:
        assert download.headers["Content-Type"] == "video/mp4"
        return await download.read()


async def test_it_uploads_and_is_told_first_where(task: Task) -> None:
    answer = await task.run()
    first, last = task.replies[0], task.replies[-1]
    assert (first.status, first.headers["location"]) == (104, answer.headers["location"])
    assert last is answer
    assert await content(answer) == DATA


async def test_it_resumes_by_itself_after_the_network_was_lost(task: Task) -> None:
    answer = await task.run(cut=6 * 1024 * 1024)
    assert answer.headers["location"] == task.replies[0].headers["location"]
    assert await content(answer) == DATA
