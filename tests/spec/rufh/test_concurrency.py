"""Cancellation, and requests that come while another request still sends: the server serves the new one and cuts the
old one."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.raw import RawConnection, connected
from tests.support.rufh import RufhClient, ask, problem
from tests.support.sites import Site, local_site
from tests.support.turns import making_way
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

DATA = os.urandom(300_000)


@asynccontextmanager
async def sending(rufh: RufhClient, url: str) -> AsyncIterator[RawConnection]:
    """Yield the connection of an append of DATA that has sent the first half and now sends nothing."""
    before = await rufh.metric("received_bytes_total")
    async with connected(rufh.port) as connection:
        await ask(connection, "PATCH", url, upload_offset=0, upload_complete="?1", content_length=len(DATA))
        await connection.send(DATA[:150_000])
        await rufh.received(before + 150_000)
        yield connection


def unanswered(remaining: bytes) -> bool:
    """Return True if `remaining`, read from a connection, holds no final response, only 104s or nothing."""
    return set(re.findall(rb"HTTP/1.1 (\d+)", remaining)) <= {b"104"}


async def test_i32_a_cancelled_upload_is_gone(site: Site, rufh_on: RufhClient) -> None:
    url = await rufh_on.begin_unfinished(b"abc")
    assert (await rufh_on.delete(url)).status == 204
    assert [(await ask_).status for ask_ in (rufh_on.head(url), rufh_on.delete(url))] == [404, 404]
    assert site.traces(url) == []


async def test_i32_a_running_transfer_is_cut_without_an_answer(site: Site, rufh_on: RufhClient) -> None:
    url = await rufh_on.begin_unfinished(upload_length=len(DATA))
    async with sending(rufh_on, url) as old:
        assert (await rufh_on.delete(url)).status == 204
        assert unanswered(await old.read_rest())
    assert (await rufh_on.head(url)).status == 404
    assert site.traces(url) == []


async def test_i32_no_cancelling_where_it_is_switched_off(rufh_strict: RufhClient) -> None:
    url = await rufh_strict.begin_unfinished(b"abc")
    answer = await rufh_strict.delete(url)
    assert (answer.status, problem(answer)["code"]) == (405, "method-not-allowed")


async def test_i33_an_offset_that_is_asked_for_meanwhile_can_be_used(rufh_on: RufhClient) -> None:
    url = await rufh_on.begin_unfinished(upload_length=len(DATA))
    async with sending(rufh_on, url) as old:
        with making_way():
            offset, complete = await rufh_on.state(url)
        assert (offset, complete) == (150_000, False)
        assert unanswered(await old.read_rest()), "I34: URLSession takes any answer for the final one"
    assert (await rufh_on.append(url, offset, DATA[offset:], complete=True)).status == 201
    assert await rufh_on.content(url) == DATA


async def test_i33_request_for_the_url_cuts_its_creation(rufh_on: RufhClient) -> None:
    """A HEAD for the URL that a 104 told ends the creation that still waits for its first byte: HEAD tells offset 0,
    and the creation gets no final response."""
    async with connected(rufh_on.port) as old:
        await ask(old, "POST", rufh_on.url, upload_complete="?1", content_length=len(DATA))
        url = (await old.answer()).headers["location"]
        with making_way():
            assert await rufh_on.state(url) == (0, False)
        assert unanswered(await old.read_rest())
    assert (await rufh_on.append(url, 0, DATA, complete=True)).status == 201
    assert await rufh_on.content(url) == DATA


async def test_i33_new_append_supersedes_the_old_one(rufh_on: RufhClient) -> None:
    """While an append runs, one at another offset than that reached answers 409 with the offset reached, and one at
    that offset succeeds; the running append gets no final response."""
    url = await rufh_on.begin_unfinished(upload_length=len(DATA))
    async with sending(rufh_on, url) as old:
        refused = await rufh_on.append(url, 0, b"xyz", complete=False)
        assert (refused.status, refused.offset) == (409, 150_000)
        assert (await rufh_on.append(url, 150_000, DATA[150_000:], complete=True)).status == 201
        assert unanswered(await old.read_rest())
    assert await rufh_on.content(url) == DATA


async def test_i33_a_request_of_tus_takes_over_too(rufh: RufhClient, tus: TusClient) -> None:
    url = await rufh.begin_unfinished(upload_length=len(DATA))
    async with sending(rufh, url) as old:
        assert await tus.offset(url) == 150_000
        assert unanswered(await old.read_rest())


async def test_i34_a_silent_transfer_is_cut_without_an_answer_and_kept(rufh_strict: RufhClient) -> None:
    url = await rufh_strict.begin_unfinished(upload_length=10)
    async with connected(rufh_strict.port) as connection:
        await ask(connection, "PATCH", url, upload_offset=0, upload_complete="?1", content_length=10)
        await connection.send(b"abc")
        assert unanswered(await connection.read_rest())
    assert await rufh_strict.state(url) == (3, False)


async def test_i34_so_is_one_that_the_end_of_the_server_breaks_off(
    rufh: RufhClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with local_site(tmp_path_factory.mktemp("ending")) as site:
        client = RufhClient(rufh._session, site.server.url)
        url = await client.begin_unfinished(upload_length=len(DATA))
        async with sending(client, url) as old:
            assert await site.server.stop(signal.SIGTERM) == 0
            assert unanswered(await old.read_rest())
        await site.server.start()
        assert await client.state(url) == (150_000, False)
