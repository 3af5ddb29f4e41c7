"""Promises of one SQLite file to several processes, and to one that dies."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from tests.support.uploads import upload
from tusd_py.backends.sqlite.state import SqliteState


async def saver(path: Path, saves: int) -> Process:
    args = ("-m", "tests.support.saver", str(path), upload().id, str(saves))
    return await asyncio.create_subprocess_exec(sys.executable, *args, stdout=PIPE)


async def test_competing_processes_lose_no_save(path: Path) -> None:
    """A save of competing processes is neither lost nor applied twice."""
    state = SqliteState(path)
    await state.create(upload())
    savers = await asyncio.gather(*(saver(path, 25) for _ in range(3)))
    outputs = [output for output, _ in await asyncio.gather(*(process.communicate() for process in savers))]
    offsets = [int(line) for output in outputs for line in output.split()]
    assert sorted(offsets) == list(range(1, 76))
    assert [entry["offset"] for entry in await state.entries(upload().id)] == sorted(offsets)
    await state.aclose()


async def test_reported_offset_survives_a_killed_process(path: Path) -> None:
    state = SqliteState(path)
    await state.create(upload())
    process = await saver(path, 1_000_000)
    assert process.stdout is not None
    for _ in range(20):
        offset = int(await process.stdout.readline())
    process.kill()
    remaining_output, _ = await process.communicate()
    offset = max(offset, *map(int, remaining_output.split(b"\n")[:-1]), 0)
    record = await state.load(upload().id)
    assert record is not None
    assert record.offset in (offset, offset + 1)  # the last one may have been killed before it could tell
    assert len(await state.entries(record.id)) == record.offset
    await state.aclose()


async def test_processes_that_open_a_new_file_at_once_all_succeed(path: Path) -> None:
    stores = [SqliteState(path) for _ in range(8)]
    await asyncio.gather(*(store.create(upload(number)) for number, store in enumerate(stores)))
    assert len(await stores[0].list(None, 100)) == 8
    for store in stores:
        await store.aclose()
