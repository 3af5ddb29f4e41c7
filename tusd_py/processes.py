"""The output and the end of programs that this server starts."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import Process
from contextlib import suppress

_CHUNK = 64 * 1024
_END_SECONDS = 1.0
"""Seconds to wait for the end of a killed program and of its output: a process that left its group may hold that open.
"""


async def read_output(process: Process, limit: int) -> bytes:
    """Return the program's standard output up to `limit` + 1 bytes, of which the last shows that there were more. Drops
    the bytes after those, so that the program can go on."""
    assert process.stdout is not None  # noqa: S101  for mypy: it is a pipe
    output = b""
    while chunk := await process.stdout.read(_CHUNK):
        output += chunk[: limit + 1 - len(output)]
    return output


async def kill(process: Process, group: int | None = None) -> None:
    """Kill the program and its children, and wait at most `_END_SECONDS` for its end. The program must be in the
    process group `group`, or with None lead a group; children that left the group aren't killed."""
    assert process.stdout is not None  # noqa: S101  for mypy: it is a pipe
    with suppress(ProcessLookupError):
        os.killpg(process.pid if group is None else group, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
            while await process.stdout.read(_CHUNK):
                pass
