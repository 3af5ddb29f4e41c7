"""Limits of the length of a request's head, and of the trailer fields and chunk extensions of its body."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from tests.support.raw import connected
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGUN = b"OPTIONS /files/ HTTP/1.1\r\nHost: x\r\n"
FIELD = b"X-A: " + b"a" * 200_000 + b"\r\n"
END = b"\r\n"


async def test_a_long_head_is_read_and_another_after_it(tus_strict: TusClient) -> None:
    async with connected(tus_strict.port) as connection:
        for _ in range(2):
            await connection.send(BEGUN + FIELD + END)
            assert (await connection.answer()).status == 204


@pytest.mark.parametrize("end", [b"", END])
async def test_too_long_head_is_431_and_closes(tus_strict: TusClient, end: bytes) -> None:
    async with connected(tus_strict.port) as connection:
        await connection.send(BEGUN + 2 * FIELD + end)
        answer = await connection.answer()
        assert (answer.status, answer.body.partition(b":")[0]) == (431, b"head-too-large")
        assert await connection.read_rest() == b""


CHUNKED = b" HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nTransfer-Encoding: chunked\r\n"
HELLO = b"Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n\r\n5\r\nhello\r\n0\r\n"


async def test_short_trailer_fields_are_passed_over(tus_strict: TusClient) -> None:
    url = await tus_strict.create(10)
    async with connected(tus_strict.port) as connection:
        await connection.send(b"PATCH " + urlsplit(url).path.encode() + CHUNKED + HELLO + b"X-A: a\r\n" + END)
        assert (await connection.answer()).status == 204


@pytest.mark.parametrize("extended", [False, True])
async def test_endless_trailer_fields_are_431_and_close(tus_strict: TusClient, *, extended: bool) -> None:
    """Trailer fields, or an extension of a chunk, that don't end within 8 KiB answer 431 and close the connection."""
    url, field = await tus_strict.create(10), b"5;a=" if extended else b"X-A: "
    async with connected(tus_strict.port) as connection:
        body = HELLO.removesuffix(b"0\r\n") if extended else HELLO
        await connection.send(b"PATCH " + urlsplit(url).path.encode() + CHUNKED + body + field)
        for _ in range(2):
            await asyncio.sleep(0.1)
            await connection.send(b"a" * 5_000)
        answer = await connection.answer()
        assert (answer.status, answer.body.partition(b":")[0]) == (431, b"head-too-large")
        assert await connection.read_rest() == b""


async def test_trailer_fields_after_an_answer_end_the_connection(tus_strict: TusClient) -> None:
    async with connected(tus_strict.port) as connection:
        await connection.send(b"GET /healthz" + CHUNKED + END + b"5\r\nhello\r\n0\r\n")
        assert (await connection.answer()).status == 200
        for _ in range(2):
            await connection.send(b"X-A: " + b"a" * 5_000 + END)
            await asyncio.sleep(0.1)
        assert await connection.read_rest() == b"", "no second answer follows the first"


async def test_long_heads_in_line_are_each_answered(tus_strict: TusClient) -> None:
    async with connected(tus_strict.port) as connection:
        await connection.send(3 * (BEGUN + FIELD + END))
        assert [(await connection.answer()).status for _ in range(3)] == [204] * 3
