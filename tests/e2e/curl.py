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
        """Bytes for curl's standard input, which stays open; returns once curl has taken most of them."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def until(self, words: bytes) -> bytes:
        """Return the body up to and including `words`, while more may follow. Fails if they don't come within
        PATIENCE."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return await self._process.stdout.readuntil(words)

    async def failure(self) -> int:
        """curl's exit code: not 0 if it got no answer."""
        await self._process.communicate()
        return await self._process.wait()

    async def answer(self, data: bytes = b"") -> Answer:
        """Returns the answer; `data` is for curl's standard input. Fails if curl got no answer."""
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
    """A run that is killed if it isn't over at the end of the block."""
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
