"""`make storm MINUTES=10 SEED=7`: real servers in trouble for 10 minutes. This program exits with 1 if they broke a
promise."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path

from devtools.seaweed import SeaweedFS
from tests.storm.storm import storm, summarise


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--clients", type=int, default=100)
    chosen = parser.parse_args()
    directory, began = Path(tempfile.mkdtemp(prefix="storm-")), time.monotonic()
    print(f"--seed {chosen.seed}, logs in {directory}", flush=True)
    with SeaweedFS(directory / "seaweed") as s3:
        blowing = storm(s3, directory, seed=chosen.seed, seconds=chosen.minutes * 60, clients=chosen.clients)
        tally = asyncio.run(blowing)
    print(summarise(tally, began))
    return int(bool(tally.findings))


if __name__ == "__main__":
    sys.exit(main())
