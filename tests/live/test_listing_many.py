"""A list of many uploads: all are told, in little memory."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from tests.support.server import Server, serving
from tests.support.uploads import upload
from tusd_py.backends.sqlite.state import SqliteState

MIB = 1024 * 1024
BATCH = 1000


async def fill(path: Path, rows: range) -> None:
    state = SqliteState(path)
    for first in range(rows.start, rows.stop, BATCH):
        numbers = range(first, first + BATCH)
        await asyncio.gather(*(state.create(upload(number, metadata={"filename": b"x" * 100})) for number in numbers))
    await state.aclose()


async def count_rows(session: aiohttp.ClientSession, server: Server) -> tuple[int, int]:
    """Read the whole list. Returns the number of its rows, as counted and as told."""
    last, rows = b"", -1
    async with session.get(f"{server.origin}/uploads") as answer:
        async for line in answer.content:
            last, rows = line, rows + 1
    return rows, json.loads(last)["end"]["count"]


@pytest.mark.parametrize("rows", [20_000, pytest.param(1_000_000, marks=pytest.mark.huge)])
@pytest.mark.timeout(3600)
async def test_a_long_list_takes_little_memory(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "state.db"
    forever = aiohttp.ClientTimeout(total=None)
    async with (
        serving(tmp_path, storage=f"file:{tmp_path}/data", state=f"sqlite:{path}", debug=False, listing=True) as server,
        aiohttp.ClientSession(timeout=forever) as session,
    ):
        await fill(path, range(BATCH))
        assert await count_rows(session, server) == (BATCH, BATCH)
        before = server.rss()
        await fill(path, range(BATCH, rows))
        assert await count_rows(session, server) == (rows, rows)
        assert server.rss() - before < 16 * MIB
