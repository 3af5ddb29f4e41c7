"""A storm of a minute: no server takes back what it told, and only finished uploads are left."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import pytest

from devtools.redis import redis_server
from devtools.seaweed import SeaweedFS, weed
from tests.storm.storm import storm, summarise
from tests.support.parts import present

SECONDS = 60.0


@pytest.mark.timeout(1200)
async def test_a_storm_breaks_no_promise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A minute of trouble around real server processes and a real S3 gives no finding, and objects were compared."""
    present(redis_server)
    present(weed)
    seed, began = secrets.randbelow(2**32), time.monotonic()
    with capsys.disabled():
        print(f"\nmake storm SEED={seed}, logs in {tmp_path}")
        with SeaweedFS(tmp_path / "seaweed") as seaweed:
            tally = await storm(seaweed, tmp_path, seed=seed, seconds=SECONDS, expire_after=40.0)
        print(summarise(tally, began))
    assert tally.counts["objects compared"]
    if tally.findings:  # an assertion would print only the ends of the histories
        pytest.fail("\n".join(map(str, tally.findings)), pytrace=False)
