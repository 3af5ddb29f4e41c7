"""The budgets hold under a crowd: five hundred slow clients, who ask for more memory than there is, and a fast one."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.promises.bench import watched_memory
from tests.support.seaweed import SeaweedFS
from tests.support.server import ROOT, serving

MIB = 1024 * 1024
BUDGET = 128 * MIB
ABOVE = 200 * MIB
"""What Python, the libraries and the sockets of all of them take besides part buffers."""
COUNT, RATE, SECONDS = 500, 50_000, 20
"""Clients, bytes a second of each, and for how long: three times what fits into the budget."""


async def crowd(url: str) -> dict[str, Any]:
    """What the clients, in a process of their own, report."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.load.crowd", url, *map(str, (COUNT, RATE, SECONDS))),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    report: dict[str, Any] = json.loads(said)
    return report


@pytest.mark.timeout(300)
async def test_a_slow_crowd_stays_within_the_budget_and_moves(
    seaweed: SeaweedFS, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a fast client gets beside them is told and not judged: it is the machine's as much as ours."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    where = {"storage": f"s3://{seaweed.bucket}/{uuid.uuid4().hex}/", "s3_endpoint_url": seaweed.endpoint}
    environment = {**seaweed.user.environment(), "TMPDIR": str(temporary)}
    settings = {**where, "s3_profile": "seaweedfs", "memory_budget": BUDGET}
    async with serving(tmp_path, environment=environment, debug=False, **settings) as server:
        async with watched_memory(server) as samples:
            report = await crowd(server.url)
        peak, (least, most) = max(samples), (f(report["offsets"]) for f in (min, max))
        with capsys.disabled():
            print(f"\nmemory {peak / MIB:.0f} MiB; slow uploads at {least} to {most} bytes; a fast one ", end="")
            print(f"{report['alone'] / MIB:.0f} MiB/s alone, {report['beside'] / MIB:.0f} MiB/s beside them")
        assert peak < BUDGET + ABOVE
        assert least > RATE * SECONDS / 10, "somebody starves"
        assert "Traceback" not in server.log()
    assert list(temporary.rglob("*")) == []
