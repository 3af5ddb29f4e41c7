"""Limits of a request's head."""

from __future__ import annotations

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


async def test_long_heads_in_line_are_each_answered(tus_strict: TusClient) -> None:
    async with connected(tus_strict.port) as connection:
        await connection.send(3 * (BEGUN + FIELD + END))
        assert [(await connection.answer()).status for _ in range(3)] == [204] * 3
