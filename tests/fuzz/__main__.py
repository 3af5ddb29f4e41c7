"""`make fuzz MINUTES=30`: requests that try to stop the server, for that long; it fails if one stops the server, gets a
500 or costs too much time.

/healthz, asked from another process all the while, must answer at most half a second later than an idle server.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import secrets
import tempfile
import time
from pathlib import Path

from devtools.seaweed import SeaweedFS
from tests.fuzz.fuzzing import fuzz, target

STRICT = 0.5
ROUND = 500


async def _run(directory: Path, s3: SeaweedFS, seconds: float, chance: int) -> int:
    """Fuzz a server in rounds of `ROUND` examples and begin none after `seconds`; return the number of examples. The
    seeds of the rounds are `chance` and the numbers after it. Raises AssertionError for a server that doesn't endure
    it."""
    end, rounds = time.monotonic() + seconds, 0
    async with target(directory, s3) as server:
        while time.monotonic() < end:
            print(f"round {rounds}: --seed {chance + rounds}", flush=True)
            await asyncio.to_thread(fuzz, server, examples=ROUND, most_lag=STRICT, chance=chance + rounds)
            gc.collect()  # what Hypothesis has drawn, of megabytes each, hangs together in circles
            rounds += 1
    return rounds * ROUND


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    chosen = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="fuzz-"))
    print(f"logs in {directory}", flush=True)
    with SeaweedFS(directory / "seaweed") as s3:
        count = asyncio.run(_run(directory, s3, chosen.minutes * 60, chosen.seed))
    print(f"{count} examples, and none stopped the server")


if __name__ == "__main__":
    main()
