"""Programs that this server starts: reading their output up to a limit, and killing them with their process group."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import Process
from contextlib import suppress

_CHUNK = 64 * 1024
_END_SECONDS = 1.0
"""The most seconds to wait for the end of a killed program and of its output, which a process that left the program's
group may hold open."""


async def read_output(process: Process, limit: int) -> bytes:
    """Return the program's standard output up to `limit` + 1 bytes, of which the last shows that there were more. Drops
    the bytes after those, so that the program can go on."""
    assert process.stdout is not None  # noqa: S101  for mypy: it is a pipe
    output = b""
    while chunk := await process.stdout.read(_CHUNK):
        output += chunk[: limit + 1 - len(output)]
    return output


async def kill(process: Process, group: int | None = None) -> None:
    """Kill all processes of the group `group`, to which the program must belong; with None, of the group that the
    program leads. Then wait up to 1 second for the end of the program and of its output, and drop that output. Children
    that left the group aren't killed."""
    assert process.stdout is not None  # noqa: S101  for mypy: it is a pipe
    with suppress(ProcessLookupError):
        os.killpg(process.pid if group is None else group, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
            while await process.stdout.read(_CHUNK):
                pass
