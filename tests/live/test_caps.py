"""The limits on listeners: one more is refused, until a listener has closed its connection."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.support.installation import Start
from tests.support.live import listening
from tests.support.tus import TusClient


@pytest.mark.parametrize(
    ("setting", "status", "elsewhere"),
    [
        ("live_max_upload_listeners", 429, 200),
        ("live_max_client_listeners", 429, 429),
        ("live_max_listeners", 503, 503),
    ],
)
async def test_one_more_is_refused_until_one_leaves(
    start: Start, session: aiohttp.ClientSession, setting: str, status: int, elsewhere: int
) -> None:
    server = start(**{setting: 2})
    await server.start()
    client = TusClient(session, server.url)
    url, another_url = await client.create(10), await client.create(10)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await (await stack.enter_async_context(listening(session, f"{url}/events"))).next()
        for path in ("events", "status", "socket"):
            refused = await client.get(f"{url}/{path}")
            assert (refused.status, refused.body.partition(b":")[0]) == (status, b"too-many-listeners")
            assert int(refused.headers["Retry-After"]) > 0
        assert (await client.get(f"{another_url}/status")).status == elsewhere
    async with asyncio.timeout(30):
        while (await client.get(f"{url}/status")).status != 200:
            pass


@pytest.mark.parametrize("path", ["uploads?follow=1", "dashboard"])
async def test_lists_and_dashboards_that_follow_are_listeners_too(
    start: Start, session: aiohttp.ClientSession, path: str
) -> None:
    server = start(listing=True, dashboard=True, live_max_listeners=1)
    await server.start()
    async with session.get(f"{server.origin}/{path}") as first:
        assert first.status == 200
        async with session.get(f"{server.origin}/{path}") as second:
            assert second.status == 503
            assert (await second.read()).startswith(b"too-many-listeners")
        async with session.get(f"{server.origin}/uploads") as plain:
            assert plain.status == 200, "a list that ends is no listener"
    async with asyncio.timeout(30):
        while True:
            async with session.get(f"{server.origin}/{path}") as again:
                if again.status == 200:
                    break
