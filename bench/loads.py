"""Running the load clients, and reading what they report."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from bench.places import ROOT
from tests.support.family import mortal

PATIENCE = 90.0


class LoadFailed(RuntimeError):
    """A client gave up; the message is the last it said."""


def load(module: str, url: str, **options: object) -> dict[str, Any]:
    """The report of `bench.load.MODULE`."""
    done = subprocess.run(command(module, url, **options), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode:
        raise LoadFailed(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"code {done.returncode}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def command(module: str, url: str, **options: object) -> tuple[str, ...]:
    """What runs it."""
    flags = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    return mortal(sys.executable, "-m", f"bench.load.{module}", url, *flags)
