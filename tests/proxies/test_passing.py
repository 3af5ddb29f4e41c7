"""Properties that a proxy could spoil, through each proxy; most in both HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.e2e.deployment import MIB
from tests.proxies.conftest import Passage, Way
from tests.proxies.curl import Curl
from tests.support.raw import connected

PATIENCE = 2
"""Seconds to which each timeout of a proxy is cut, for an upload that takes longer."""


@pytest.fixture
def through(way: Way, curl: str, version: str) -> Curl:
    return Curl(curl, way, version)


async def test_location_names_what_the_client_asked(through: Curl) -> None:
    assert (await through.created(5)).startswith(through.way.url)


async def test_the_endpoint_is_found_without_its_slash(through: Curl) -> None:
    answer = await through.run(through.way.url.rstrip("/"), "-X", "POST", Upload_Length="5")
    assert answer.status == 201


async def test_bytes_go_on_before_the_client_has_sent_all(through: Curl, data: bytes) -> None:
    url, before = await through.created(len(data)), await through.way.deployment.until_received(0)
    async with through.patching(url, 0) as slowly:
        await slowly.feed(data[: 3 * MIB])
        await through.way.deployment.until_received(before + 3 * MIB)
        answer = await slowly.answer(data[3 * MIB :])
    assert (answer.status, answer.headers["upload-offset"]) == (204, str(len(data)))
    assert through.way.stored(url) == data


async def test_what_came_before_a_cut_is_kept_and_the_rest_follows(through: Curl, data: bytes) -> None:
    url, before = await through.created(len(data)), await through.way.deployment.until_received(0)
    async with through.patching(url, 0) as slowly:
        await slowly.feed(data[: 9 * MIB])
        await through.way.deployment.until_received(before + 9 * MIB)
    reply = await through.run(url, "-I")
    assert (reply.status, reply.headers["upload-offset"]) == (200, str(9 * MIB))
    assert (await through.patch(url, 9 * MIB, data[9 * MIB :])).status == 204
    assert through.way.stored(url) == data


async def test_a_refusal_is_seen_while_the_client_still_sends(way: Way, curl: str, data: bytes) -> None:
    """A refusal reaches a client that is still sending. The test uses a raw connection: Caddy closes the connection
    half a second later, and curl, reading from a pipe, notices the answer too late."""
    through = Curl(curl, way, "--http1.1")
    for _ in range(5):
        url = await through.created(len(data))
        async with connected(way.front.port, way.front.tls()) as connection:
            await connection.patch(url, 1, content_length=len(data) - 1)
            sending = asyncio.create_task(connection.send(data[1:]))
            assert (await connection.answer()).status == 409
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        assert (await through.run(url, "-I")).headers["upload-offset"] == "0"


async def test_ranges_come_back_and_an_upload_can_be_deleted(through: Curl, data: bytes) -> None:
    url = await through.created(len(data))
    await through.patch(url, 0, data)
    part = await through.run(url, "-r", "8388600-8388615")
    assert (part.status, part.content) == (206, data[8388600:8388616])
    assert (await through.run(url)).content == data
    assert (await through.run(url, "-X", "DELETE")).status == 204
    assert (await through.run(url, "-I")).status == 404


async def test_what_is_not_for_clients_stays_inside(through: Curl) -> None:
    inside = [f"{through.way.origin}/{path}" for path in ("metrics", "healthz", "readyz", "tokens")]
    assert [(await through.run(url)).status for url in inside] == [404] * 4


def _impatient(text: str) -> str:
    return re.sub(r"(timeout\s+)\d+s", rf"\g<1>{PATIENCE}s", text)


async def test_an_upload_may_take_longer_than_any_timeout(passage: Passage, curl: str) -> None:
    async with passage(edit=_impatient) as way:
        through, data = Curl(curl, way, "--http2"), bytes((PATIENCE + 2) * MIB)
        url = await through.created(len(data))
        async with through.patching(url, 0, "--limit-rate", "1M") as slowly:
            assert (await slowly.answer(data)).status == 204
