"""A fast upload's speed among a crowd of slow ones that want more memory than there is."""

from __future__ import annotations

import asyncio

import pytest

from tests.simulation.crowd import PIECE, SCALE, Crowd, SlowS3
from tests.simulation.loop import SimulatedLoop
from tusd_py.storage.s3.grid import MIB

BUDGET, RATE, FAST, SECONDS = 128 * MIB, 50_000, 300e6, 10.0


async def _speeds(crowd: Crowd, many: int) -> tuple[float, float, list[int]]:
    """Return the bytes that a fast client sends alone in 10 s, those that it sends in 10 s among `many` slow clients,
    and those that each slow client sends in 20 s."""
    pause = PIECE * SCALE / FAST
    alone = await crowd.pour(PIECE, pause, SECONDS)
    slow = crowd.slow(many, RATE, 2 * SECONDS)
    await asyncio.sleep(SECONDS)
    among = await crowd.pour(PIECE, pause, SECONDS)
    return alone, among, list(await asyncio.gather(*slow))


@pytest.mark.parametrize("many", [500, 1000])
def test_a_crowd_hardly_slows_a_fast_upload(many: int) -> None:
    """A fast upload keeps over 70% of its speed among 500 or 1000 slow ones, each of which keeps over 90% of its
    rate."""
    with SimulatedLoop() as loop:
        alone, among, slow = loop.run_until_complete(_speeds(Crowd(SlowS3(rate=400e6), BUDGET), many))
    print(f"{many}: {alone / SECONDS / 1e6:.0f} MB/s alone, {among / SECONDS / 1e6:.0f} among them")
    assert among > 0.7 * alone
    assert min(slow) > 0.9 * RATE * 2 * SECONDS
