"""A load that tells the benchmark when it is ready, and measures once it is told to."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable
from dataclasses import asdict
from typing import Any


async def measure(run: Awaitable[Any]) -> None:
    """Print "ready", wait for a line of standard input, await `run`, print its result (a dataclass) as JSON, and return
    only once standard input ends, so that connections stay open until then."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(json.dumps(asdict(await run)), flush=True)
    await asyncio.to_thread(sys.stdin.read)
