"""Streams through each proxy and in each version of HTTP: nothing is held back, and a cut is seen."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import pytest

from tests.proxies.conftest import WATCHED, Passage, Way
from tests.proxies.curl import Curl

PAGE = "https://page.example"
FEED, LIST = "/events?format=ndjson&follow=1&since=now", "/uploads?follow=1"


@pytest.fixture
def through(watched: Way, curl: str, version: str) -> Curl:
    return Curl(curl, watched, version)


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


async def test_events_come_while_the_upload_runs(through: Curl) -> None:
    url = await through.created(10)
    async with through.start(f"{url}/events", "-N", Origin=PAGE) as listener:
        await listener.until(b"event: state\n")
        await listener.until(b": ping\n")
        await through.patch(url, 0, b"12345")
        await listener.until(b"event: progress\n")
        await through.patch(url, 5, b"67890")
        answer = await listener.answer()
    assert b'data: {"reason":"finished"' in answer.content
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == PAGE


async def test_the_feed_follows(through: Curl) -> None:
    async with through.start(f"{through.way.origin}/events?since=now", "-N") as listener:
        await listener.until(b": ping\n")
        name = name_of(await through.created(1))
        await listener.until(f'"subject":"{name}"'.encode())


@pytest.mark.parametrize("path", [FEED, LIST])
async def test_lines_follow(through: Curl, path: str) -> None:
    async with through.start(f"{through.way.origin}{path}", "-N") as reader:
        await reader.until(b"\n\n")
        name = name_of(url := await through.created(1)).encode()
        await reader.until(name)
        await reader.until(b"\n")
        await through.patch(url, 0, b"1")
        await reader.until(name)


async def test_the_dashboard_changes_while_it_loads(through: Curl) -> None:
    async with through.start(f"{through.way.origin}/dashboard", "-N") as page:
        await page.until(b"</template>")
        name = name_of(url := await through.created(2))
        await page.until(f'<article class="u-{name}" slot="uploads">'.encode())
        await through.patch(url, 0, b"1")
        await page.until(f".u-{name}{{--p:50}}</style>".encode())


async def test_a_long_poll_is_answered_once_there_is_news(through: Curl) -> None:
    url = await through.created(10)
    async with through.start(f"{url}/status?wait=60&revision=1") as poll:
        await asyncio.sleep(0.5)
        await through.patch(url, 0, b"123")
        state = json.loads((await poll.answer()).content)
    assert (state["offset"], state["revision"], state["url"]) == (3, 2, url)


async def test_a_cut_is_seen(passage: Passage, curl: str, version: str) -> None:
    """A client sees that an answer was cut off when the server behind the proxy was killed."""
    async with passage(**WATCHED) as way:
        through = Curl(curl, way, version)
        url = await through.created(10)
        async with AsyncExitStack() as stack:
            paths = (f"{urlsplit(url).path}/events", FEED, LIST, "/dashboard")
            readers = [await stack.enter_async_context(through.start(way.origin + path, "-N")) for path in paths]
            for reader in readers:
                await reader.until(b"\n")
            await way.deployment.server.kill()
            assert all([await reader.failure() for reader in readers])


def _compress(text: str) -> str:
    """Return a proxy's configuration, changed so that the proxy compresses all that it passes on."""
    text = text.replace("    server_name", "    gzip on; gzip_types *; gzip_min_length 1;\n    server_name")
    encoding = "encode {\ngzip\nminimum_length 1\nmatch {\nheader Content-Type *\n}\n}"
    return text.replace("handle @uploads {", f"{encoding}\nhandle @uploads {{")


async def test_a_proxy_that_compresses_holds_nothing_back(passage: Passage, curl: str) -> None:
    async with passage(edit=_compress, **WATCHED) as way:
        through = Curl(curl, way, "--http2")
        for path, begin in ((FEED, b"\n"), (LIST, b"\n"), ("/dashboard", b"</template>")):
            async with through.start(way.origin + path, "-N", "--compressed") as reader:
                await reader.until(begin)
                name = name_of(await through.created(1))
                await reader.until(name.encode())
        answer = await through.run(f"{way.origin}/dashboard?follow=0", "--compressed")
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/events", "/uploads", "/jobs"])
async def test_pages_of_other_origins_may_ask(through: Curl, path: str) -> None:
    url = through.way.origin + path
    answer = await through.run(url, "-X", "OPTIONS", Origin=PAGE, Access_Control_Request_Method="GET")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, PAGE)
    assert "Last-Event-ID" in answer.headers["access-control-allow-headers"]


async def test_a_proxy_that_isnt_trusted_makes_no_client_local(passage: Passage, curl: str) -> None:
    """`/events`, `/uploads`, `/dashboard` and `/jobs` answer 401 through a proxy that the server doesn't trust: else
    the server would take all clients of a proxy on its machine for local ones, and show them all uploads."""
    async with passage(**WATCHED, trusted_proxies="192.0.2.1") as way:
        through = Curl(curl, way, "--http2")
        for path in ("/events", "/uploads", "/dashboard", "/jobs"):
            answer = await through.run(way.origin + path)
            assert (answer.status, answer.content.partition(b":")[0]) == (401, b"unauthenticated"), path
