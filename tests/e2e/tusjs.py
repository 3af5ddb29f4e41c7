"""tus-js-client, driven as a Node process: see js/upload.mjs for what it can be told."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from scripts.node import environment

PROJECT = Path(__file__).parent / "js"
"""The directory of package.json and node_modules."""

Event = dict[str, Any]


class TusJs:
    """One upload by tus-js-client or Uppy in a Node process, which prints its events, such as `progress` and `success`,
    as lines of JSON. Each has its name as `event`, and `requests`, those answered so far (of Uppy, only those by
    XMLHttpRequest); each event of tus-js-client, and Uppy's `success`, has the upload's `url` too."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def until(self, name: str, *, sent_bytes: int = 0) -> Event:
        """Return the next event of that name, with at least `sent_bytes` sent if it is progress. Raises AssertionError
        if an unexpected `error` comes, or Node ends, before it."""
        async for event in self._events():
            if event["event"] == name and event.get("sent", sent_bytes) >= sent_bytes:
                return event
            assert event["event"] != "error", event["reason"]
        raise AssertionError(f"tus-js-client ended with code {await self._process.wait()}")

    async def ended(self) -> None:
        """Wait until Node ends, whose exit code must be 0."""
        async for _ in self._events():
            pass
        assert await self._process.wait() == 0

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()

    async def _events(self) -> AsyncIterator[Event]:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            yield json.loads(line)


Start = Callable[..., AbstractAsyncContextManager[TusJs]]


def start(**settings: Any) -> AbstractAsyncContextManager[TusJs]:
    """A Node process that uploads with tus-js-client as `settings` tell it (see js/upload.mjs); it is killed at the end
    of the block if it still runs."""
    return running("upload.mjs", settings)


@asynccontextmanager
async def running(script: str, settings: Mapping[str, Any]) -> AsyncIterator[TusJs]:
    command = ("node", script, json.dumps(settings, default=str))
    process = await asyncio.create_subprocess_exec(
        *command, cwd=PROJECT, env=environment(), stdin=asyncio.subprocess.DEVNULL, stdout=PIPE
    )
    client = TusJs(process)
    try:
        yield client
    finally:
        await client.kill()


def methods(event: Event) -> list[tuple[str, int]]:
    """Return the method and status of each of the event's requests, in the order of their answers."""
    return [(request["method"], request["status"]) for request in event["requests"]]
