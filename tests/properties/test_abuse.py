"""The server answers any request or hangs up; afterwards it is receiving nothing, holds no buffer, and serves the next
request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.abuse import Abuse, abuses
from tests.support.raw import connected
from tests.support.sites import Site, local_site
from tests.support.tus import PATIENCE, TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATUSES = {100, 200, 201, 204, 206, 304, 400, 403, 404, 405, 409, 412, 413, 415, 416, 417, 423, 460, 501}
"""The statuses that an answer to these requests may have: no 500, and no 503 either, as nothing that the server needs
fails here."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def abused(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A server with uploads of at most 1 MiB, and with a short `network-timeout`, so that silent clients cost little
    time. In the end it must stop with exit code 0 and a log without a traceback or a sign of a leak."""
    async with local_site(tmp_path_factory.mktemp("abused"), network_timeout=0.2, max_size="1MiB") as site:
        yield site
        await site.stop()


@settings(max_examples=150, deadline=None, print_blob=True, database=None)
@given(st.lists(abuses(), min_size=1, max_size=6))
@pytest.mark.timeout(300)
async def test_no_request_gets_a_500_hangs_or_leaves_anything_behind(abused: Site, requests: list[Abuse]) -> None:
    async with aiohttp.ClientSession() as session:
        tus = TusClient(session, abused.server.url)
        target = await tus.create(100, b"start")
        statuses = await asyncio.gather(*(exchange(tus.port, request, target) for request in requests))
        assert set().union(*statuses) <= STATUSES
        await serves(tus)
        await until(lambda: at_rest(tus))
    assert "Traceback" not in abused.server.log()


async def exchange(port: int, abuse: Abuse, target: str) -> set[int]:
    """Send `abuse`, with the upload at the URL `target`, and return the statuses of its answers up to the final one,
    interim ones too. If the connection breaks, return those read until then; if `abuse` doesn't wait for an answer,
    none. Raises TimeoutError."""
    statuses: set[int] = set()
    async with connected(port) as connection, asyncio.timeout(PATIENCE):
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            for piece in abuse.pieces(target):
                await connection.send(piece)
            while abuse.waits and max(statuses, default=0) < 200:
                statuses.add((await connection.answer(head=True)).status)
    return statuses


async def serves(tus: TusClient) -> None:
    upload = await tus.create(10, b"hello")
    assert (await tus.patch(upload, 5, b"world")).status == 204
    assert await tus.content(upload) == b"helloworld"
    assert (await tus.delete(upload)).status == 204


async def at_rest(tus: TusClient) -> bool:
    return await tus.metric("uploads_in_flight") == await tus.metric("buffer_bytes") == 0
