"""No request stops the server for the others: a short run of what `make fuzz MINUTES=30` does for long."""

from __future__ import annotations

import asyncio
from pathlib import Path

from devtools.seaweed import SeaweedFS
from tests.fuzz.fuzzing import fuzz, target

EXAMPLES = 300
GENEROUS = 5.0
"""Most seconds by which the server may delay other clients: generous, for a busy machine. The CPU time that a request
may cost is limited strictly."""


async def test_nothing_that_is_sent_keeps_others_waiting(tmp_path: Path, seaweed: SeaweedFS) -> None:
    async with target(tmp_path, seaweed) as server:
        await asyncio.to_thread(fuzz, server, examples=EXAMPLES, most_lag=GENEROUS)
