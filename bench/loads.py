"""The load clients as processes, and their reports."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from bench.places import ROOT
from devtools.part import mortal

TIMEOUT = 90.0


class LoadFailed(RuntimeError):
    """A client failed; the message is the last line of its errors."""


def load(module: str, url: str, **options: object) -> dict[str, Any]:
    """Run `bench.load.MODULE`, and return its report."""
    done = subprocess.run(command(module, url, **options), cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        raise LoadFailed(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"code {done.returncode}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def command(module: str, url: str, **options: object) -> tuple[str, ...]:
    """Return the command that runs `bench.load.MODULE`."""
    flags = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    return mortal(sys.executable, "-m", f"bench.load.{module}", url, *flags)
