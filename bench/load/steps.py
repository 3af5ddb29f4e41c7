"""A load that tells the benchmark when it is ready, and measures once it is told to."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable
from dataclasses import asdict
from typing import Any


async def measure(run: Awaitable[Any]) -> None:
    """Say "ready", wait for a line of standard input, run, print the report (a dataclass) as JSON, and keep all
    connections until standard input ends."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(json.dumps(asdict(await run)), flush=True)
    await asyncio.to_thread(sys.stdin.read)
