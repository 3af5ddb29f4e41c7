"""Timeouts of clients that send or read slowly or not at all, and limits of metadata and of the partial uploads in a
final one."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

import pytest

from tests.support.raw import RawConnection, connected, stalled_patch
from tests.support.tus import OCTETS, TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

HEADS = [b"", b"POST /fi", b"POST /files/ HTTP/1.1\r\nHost: x\r\n", b"POST /files/ HTTP/1.1\r\nHost: x\r\nUpload-Len"]
SOON = 5.0


async def drip(connection: RawConnection) -> None:
    """Send one more byte every 0.1 s until the connection ends."""
    with suppress(ConnectionError):
        while True:
            await connection.send(b"a")
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("head", HEADS)
async def test_who_does_not_finish_a_head_is_hung_up_on(tus_strict: TusClient, head: bytes) -> None:
    started = time.monotonic()
    async with connected(tus_strict.port) as connection:
        await connection.send(head)
        await connection.read_rest()
    assert time.monotonic() - started < SOON


@pytest.mark.parametrize("before", [False, True])
async def test_who_drips_a_head_is_hung_up_on(tus_strict: TusClient, *, before: bool) -> None:
    """A client that sends a head byte by byte is cut off within 5 s, on a new connection and after an earlier
    request."""
    async with connected(tus_strict.port) as connection:
        if before:
            await connection.head("OPTIONS", tus_strict.url)
            assert (await connection.answer()).status == 204
        await connection.send(HEADS[2] + b"X: ")
        started, dripping = time.monotonic(), asyncio.create_task(drip(connection))
        await connection.read_rest()
        assert time.monotonic() - started < SOON
        dripping.cancel()
        await asyncio.wait([dripping])


async def test_a_silent_body_is_hung_up_on_and_kept(tus_strict: TusClient) -> None:
    url = await tus_strict.create(10)
    async with stalled_patch(tus_strict, url, 0, b"abc") as connection:
        assert await connection.read_rest() == b""
    assert await tus_strict.offset(url) == 3


async def test_a_body_below_the_least_rate_is_hung_up_on_and_kept(tus_dripped: TusClient) -> None:
    """A body below `min_data_rate`, but never silent for long, is cut off without an answer after ten seconds, and the
    bytes received are kept."""
    url = await tus_dripped.create(10_000)
    async with connected(tus_dripped.port) as connection:
        started = time.monotonic()
        await connection.patch(url, 0, content_length=10_000)
        dripping = asyncio.create_task(drip(connection))
        assert await connection.read_rest() == b""
        assert 10 < time.monotonic() - started < 10 + SOON
        dripping.cancel()
        await asyncio.wait([dripping])
    assert 0 < await tus_dripped.offset(url) < 1000


@pytest.mark.parametrize(("size", "status"), [(64, 201), (65, 400)])
async def test_metadata_has_a_longest_size(tus_strict: TusClient, size: int, status: int) -> None:
    answer = await tus_strict.post(upload_length=0, upload_metadata="k" * size)
    assert answer.status == status


@pytest.mark.parametrize(("size", "status"), [(400 * 1024, 201), (400 * 1024 + 1, 400)])
async def test_metadata_may_be_as_long_as_the_operator_says(tus_shared: TusClient, size: int, status: int) -> None:
    answer = await tus_shared.post(upload_length=0, upload_metadata="k" * size)
    assert answer.status == status


@pytest.mark.parametrize(("count", "status"), [(2, 201), (3, 400)])
async def test_a_final_upload_has_so_many_partials(tus_strict: TusClient, count: int, status: int) -> None:
    partials = await tus_strict.partials(*[b"x"] * count)
    assert (await tus_strict.final(*partials)).status == status


async def test_refused_metadata_keeps_the_connection(tus_few: TusClient) -> None:
    async with connected(tus_few.port) as connection:
        metadata = {"upload_metadata": "k" * 65, "content_type": OCTETS, "content_length": 3}
        await connection.head("POST", tus_few.url, upload_length=3, **metadata)
        await connection.send(b"abc")
        assert (await connection.answer()).status == 400
        await connection.head("OPTIONS", tus_few.url)
        assert (await connection.answer()).status == 204


async def test_a_download_that_is_not_read_is_hung_up_on(tus_strict: TusClient) -> None:
    url = await tus_strict.create(32 * 1024 * 1024)
    assert (await tus_strict.patch(url, 0, bytes(32 * 1024 * 1024))).status == 204
    async with connected(tus_strict.port) as connection:
        await connection.send(f"GET {urlsplit(url).path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await until(partial(_given_up, tus_strict))
        assert len(await connection.read_rest()) < 32 * 1024 * 1024


async def _given_up(tus: TusClient) -> bool:
    answer = await tus.get(f"http://127.0.0.1:{tus.port}/metrics")
    return b'errors_total{code="download-unread"} 1' in answer.body
