"""A process that does nothing for a while and then goes on as if no time had passed."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path


@asynccontextmanager
async def asleep(pid: int, state: Path) -> AsyncIterator[None]:
    """Stop the process while the block lasts, but never in a transaction: else no process could write to SQLite's file
    `state`, nor to its file of leases, until the end of the block."""
    while not await _stopped_outside_of_transactions(pid, state):
        os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def _stopped_outside_of_transactions(pid: int, state: Path) -> bool:
    os.kill(pid, signal.SIGSTOP)
    while not _sleeps(pid):
        await asyncio.sleep(0.01)
    return all(map(_can_be_written, [*state.parent.glob(state.name), *state.parent.glob(f"{state.name}.*.leases")]))


def _sleeps(pid: int) -> bool:
    """Return True if every thread of the process is stopped: its `stat` (proc(5)) has the state T after the name."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return all((thread / "stat").read_text().rpartition(") ")[2].startswith("T") for thread in threads)


def _can_be_written(file: Path) -> bool:
    with closing(sqlite3.connect(file, timeout=0.2, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
    return True
