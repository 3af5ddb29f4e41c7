"""Programs that this server runs: their output, and their end."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import Process
from contextlib import suppress

_CHUNK = 64 * 1024
_END_SECONDS = 1.0
"""Seconds to wait for the end of a program's output, which a process that left its group may hold."""


async def read_output(process: Process, limit: int) -> bytes:
    """Return the output up to one byte more than the limit; drop the rest, so that the program can go on."""
    assert process.stdout is not None  # noqa: S101  for mypy: it is a pipe
    output = b""
    while chunk := await process.stdout.read(_CHUNK):
        output += chunk[: limit + 1 - len(output)]
    return output


async def kill(process: Process) -> None:
    """Kill the program with its children, which may outlive it; it must lead a process group."""
    assert process.stdout is not None  # noqa: S101  for mypy: it is a pipe
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
            while await process.stdout.read(_CHUNK):
                pass
