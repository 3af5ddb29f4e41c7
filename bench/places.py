"""Paths and constants that the benchmarks of `python -m bench` share."""

from __future__ import annotations

from pathlib import Path

MIB = 1024 * 1024
GIB = 1024 * MIB

ROOT = Path(__file__).parent.parent
BENCH = ROOT / "bench"
PEERS = BENCH / ".peers"
"""The directory where `bench.fetch` installs the peers and the relay, and leaves a note for each that it can't install;
never committed."""
RESULTS = BENCH / ".results.json"
PAGE = ROOT / "docs" / "benchmarks.md"
PLOTS = ROOT / "docs" / "benchmarks"

BUCKET = "uploads"
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "user-key", "AWS_SECRET_ACCESS_KEY": "user-secret"}
AWS = {**KEYS, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
