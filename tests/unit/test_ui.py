"""The upload page's own tests, run in Node."""

from __future__ import annotations

import subprocess

from scripts.node import environment
from scripts.page import PROJECT


def test_the_page_says_sizes_times_and_speeds_as_it_should() -> None:
    tests = sorted(map(str, (PROJECT / "test").glob("*.test.js")))
    done = subprocess.run(
        ["node", "--test", *tests], cwd=PROJECT, env=environment(), check=False, capture_output=True, text=True
    )
    assert tests
    assert done.returncode == 0, done.stdout
