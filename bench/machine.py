"""A description of the machine, for the reader of the figures."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

from bench.places import ROOT


def about(*, quick: bool) -> dict[str, str]:
    """Return facts about the machine, its software and load, the commit and the kind of run, by name, for the reader of
    the figures; none of them identifies the machine."""
    return {
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": _output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
        "processor": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "load before": " ".join(f"{n:.2f}" for n in os.getloadavg()),
        "kind of run": "quick" if quick else "full",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
