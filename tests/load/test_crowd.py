"""The memory budget holds under a crowd: five hundred slow clients, who together send several times its bytes, and a
fast one."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from devtools.seaweed import SeaweedFS
from tests.load.measuring import MIB, measured
from tests.support.node import watched_memory
from tests.support.server import ROOT

COUNT, RATE, SECONDS = 500, 50_000, 20
"""The number of slow clients, the bytes a second of each, and the seconds for which they send: together 500 MB, 7.5
times the smaller budget (64 MiB) and 3.7 times the larger."""


async def crowd(url: str) -> dict[str, Any]:
    """Run `tests.load.crowd` in a separate process against the creation endpoint `url`, with COUNT slow clients. Return
    the fields of its `Report`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.load.crowd", url, *map(str, (COUNT, RATE, SECONDS))),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    report: dict[str, Any] = json.loads(output)
    return report


@pytest.mark.timeout(300)
@pytest.mark.parametrize("budget", [pytest.param(64 * MIB, marks=pytest.mark.huge), 128 * MIB])
async def test_a_slow_crowd_stays_within_the_budget_and_moves(
    seaweed: SeaweedFS, tmp_path: Path, capsys: pytest.CaptureFixture[str], budget: int
) -> None:
    """With five hundred slow clients the server's memory stays within its bound (`Measured.check`) and is given back,
    no temporary file is left, and each upload gets some bytes. The fast client's speed is printed and not judged, as it
    depends on the machine."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary)}
    with capsys.disabled():
        print()
        async with measured(seaweed, tmp_path, budget, environment=environment) as place:
            async with watched_memory(place.server) as samples:
                report = await crowd(place.server.url)
            slowest, fastest = (f(report["offsets"]) for f in (min, max))
            print(f"slow uploads at {slowest} to {fastest} bytes; a fast one ", end="")
            print(f"{report['alone'] / MIB:.0f} MiB/s alone, {report['among'] / MIB:.0f} MiB/s among them")
            place.check(samples, COUNT)
            await place.check_given_back(COUNT)
            assert slowest > 0, "an upload starves"
    assert list(temporary.rglob("*")) == []
