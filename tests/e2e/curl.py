"""curl, as a shell script would use it."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.tus import TUS

PATIENCE = 60.0
"""Seconds within which an awaited piece of a body comes, on a busy machine too."""
BYTES = "application/offset+octet-stream"
_TELL = (
    '%{stderr}{"status": %{http_code}, "version": "%{http_version}", "sent": %{size_upload}, "headers": %{header_json}}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes
    version: str
    """Version of HTTP."""
    sent_bytes: int
    """Bytes of the body that curl could send."""


class Transfer:
    """One run of curl."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def feed(self, data: bytes) -> None:
        """Write bytes to curl's standard input, which stays open; return once at most 64 KiB wait to be taken."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def until(self, words: bytes) -> bytes:
        """Return the next bytes of the answer's body, up to and including `words`. Raises TimeoutError if `words` don't
        come within `PATIENCE` seconds, IncompleteReadError if the body ends before them, and LimitOverrunError if more
        than 64 KiB come before them."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return await self._process.stdout.readuntil(words)

    async def failure(self) -> int:
        """Wait until curl ends and return its exit code, which isn't 0 if curl got no answer."""
        await self._process.communicate()
        return await self._process.wait()

    async def answer(self, data: bytes = b"") -> Answer:
        """Send `data` to curl's standard input and close that; return the answer once curl has ended. Raises
        AssertionError unless curl's exit code is 0."""
        content, report = await self._process.communicate(data)
        assert not self._process.returncode, f"curl ended with code {self._process.returncode}"
        answer: dict[str, Any] = json.loads(report)
        headers = {name: values[-1] for name, values in answer["headers"].items()}
        fields = {"status": answer["status"], "version": answer["version"], "sent_bytes": answer["sent"]}
        return Answer(headers=headers, content=content, **fields)

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()


@asynccontextmanager
async def transfer(binary: str, url: str, *flags: str, **headers: str) -> AsyncIterator[Transfer]:
    """A run of curl with these flags and the tus version's header, killed if it isn't over at the end of the block.
    `headers` are further header fields, `_` in their names for `-`."""
    fields = {**TUS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [word for name, value in fields.items() for word in ("-H", f"{name}: {value}")]
    command = (binary, "-q", "-s", "-w", _TELL, *lines, *flags, url)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    running = Transfer(process)
    try:
        yield running
    finally:
        await running.kill()


async def run(binary: str, url: str, *flags: str, data: bytes = b"", **headers: str) -> Answer:
    async with transfer(binary, url, *flags, **headers) as running:
        return await running.answer(data)
