"""A list of many uploads: all are told, in little memory."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from tests.support.server import Server, serving
from tests.support.uploads import upload
from tusd_py.domain.record_json import encode

MIB = 1024 * 1024
BATCH = 1000
LIMIT = 16 * MIB
"""The most bytes by which the server may grow when it sends a long list, whose rows have about 100 MiB or more, after a
short one."""


def fill(path: Path, rows: range, row_bytes: int) -> None:
    """Insert an upload for each number in `rows`, with `row_bytes` bytes of metadata, into the SQLite file `path`, in
    one transaction. The column `seq`, for the number of an upload's last event, is left out, as by processes of the
    first version: a trigger of the file fills it."""
    uploads = (upload(number, metadata={"filename": b"x" * row_bytes}, revision=1) for number in rows)
    with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
        connection.executemany(
            "INSERT INTO uploads (id, revision, document) VALUES (?, 1, ?)",
            ((record.id, encode(record)) for record in uploads),
        )


async def count_rows(session: aiohttp.ClientSession, server: Server) -> tuple[int, int]:
    """Read the whole list. Return the number of rows that came, and the number that its end tells."""
    last, rows = b"", -1
    async with session.get(f"{server.origin}/uploads") as answer:
        async for line in answer.content:
            last, rows = line, rows + 1
    return rows, json.loads(last)["end"]["count"]


@pytest.mark.parametrize(("rows", "row_bytes"), [(20_000, 5000), pytest.param(1_000_000, 100, marks=pytest.mark.huge)])
@pytest.mark.timeout(3600)
async def test_a_long_list_takes_little_memory(tmp_path: Path, rows: int, row_bytes: int) -> None:
    path = tmp_path / "state.db"
    forever = aiohttp.ClientTimeout(total=None)
    async with (
        serving(tmp_path, storage=f"file:{tmp_path}/data", state=f"sqlite:{path}", listing=True) as server,
        aiohttp.ClientSession(timeout=forever) as session,
    ):
        fill(path, range(BATCH), row_bytes)
        assert await count_rows(session, server) == (BATCH, BATCH)
        before = server.rss()
        fill(path, range(BATCH, rows), row_bytes)
        assert await count_rows(session, server) == (rows, rows)
        assert server.rss() - before < LIMIT
