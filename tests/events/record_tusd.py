"""Record what a real tusd sends to its hooks: `python -m tests.events.record_tusd TUSD`, with the path of its program.

Writes tests/events/tusd_hooks; see the README there.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from devtools.ports import free_port
from tests.events.scenarios import SCENARIOS, Scenario
from tests.support.receiver import receiving

CORPUS = Path(__file__).parent / "tusd_hooks"
HOOKS = "pre-create,post-create,post-receive,pre-finish,post-finish,pre-terminate,post-terminate"
_SCRIPT = """#!/bin/sh
name=$(basename "$0")
{ env | grep '^TUS_' | sort; pwd; } > "$OUT/$name.env"
cat > "$OUT/$name.json"
"""
_QUIET = 1.5
"""Seconds to wait after the last request for its hook calls: tusd tells progress once a second."""


async def record(program: str) -> None:
    """Record in tests/events/tusd_hooks the hook calls of the tusd at the path `program`: for each of `SCENARIOS` those
    over HTTP, and for one scenario also those of commands."""
    CORPUS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, scenario in SCENARIOS.items():
            _write(name, await _by_http(program, Path(folder), scenario), folder)
        _write("commands", await _by_commands(program, Path(folder)), folder)


def _write(name: str, calls: Sequence[Any], folder: str) -> None:
    (CORPUS / f"{name}.json").write_text(json.dumps(calls, indent=1).replace(folder, "/srv") + "\n")


async def _by_http(program: str, folder: Path, scenario: Scenario) -> Sequence[Any]:
    async with receiving() as receiver:
        async with _running(program, folder, "-hooks-http", receiver.url) as url:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
                await scenario(http, url)
            await asyncio.sleep(_QUIET)
        return [
            {"headers": sorted(arrival.headers.items()), "body": arrival.body.decode()} for arrival in receiver.arrivals
        ]


async def _by_commands(program: str, folder: Path) -> Sequence[Any]:
    hooks, out = folder / "hooks", folder / "out"
    hooks.mkdir()
    out.mkdir()
    for hook in HOOKS.split(","):
        (hooks / hook).write_text(_SCRIPT.replace("$OUT", str(out)))
        (hooks / hook).chmod(0o755)
    async with _running(program, folder, "-hooks-dir", str(hooks)) as url, aiohttp.ClientSession() as http:
        await SCENARIOS["two_patches_and_an_end"](http, url)
        await asyncio.sleep(_QUIET)
    return [
        {"hook": path.stem, "environment": path.read_text().splitlines(), "body": path.with_suffix(".json").read_text()}
        for path in sorted(out.glob("*.env"))
    ]


@asynccontextmanager
async def _running(program: str, folder: Path, *flags: str) -> AsyncIterator[str]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(program, "-host", "127.0.0.1", "-port", str(port), "-upload-dir", str(folder / "data")),
        *("-hooks-enabled-events", HOOKS, "-enable-experimental-protocol", *flags),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _wait_for(port)
        yield f"http://127.0.0.1:{port}/files/"
    finally:
        await _stop(process)


async def _stop(process: Process) -> None:
    process.terminate()
    await process.wait()


async def _wait_for(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1]))
