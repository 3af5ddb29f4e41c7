"""A thousand slow uploads, and the speed of a fast one at the same time."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench import systems
from bench.bench import Bench
from bench.loads import command, load
from bench.places import ROOT
from bench.probe import watched
from bench.process import end
from bench.sinks import Sink, sink
from bench.systems.base import Served, System
from bench.systems.ours import tusdpy

NAME = "crowd"
COUNT, RATE = 1000, 50_000
TUSD_PY = tusdpy("tusd-py, 128 MiB budget", "--s3-checksum", "none", "--memory-budget", "128MiB")
_SETTLE, _WINDOW, _FAST = 10.0, 8.0, 8.0
_READY_WITHIN = 60.0


def measure(bench: Bench) -> None:
    chosen = (TUSD_PY,) if bench.quick else (systems.NGINX, TUSD_PY, systems.TUSD, systems.TUS_NODE)
    with sink() as s3:
        for system in bench.in_turn(NAME, chosen):
            with bench.attempt(NAME, system), bench.served(system, s3) as server:
                bench.record(NAME, system, f"{COUNT}", **_crowded(system, server, s3))


def _crowded(system: System, server: Served, s3: Sink) -> dict[str, float]:
    alone = _fast(system, server)
    values: dict[str, float] = {"alone": alone}
    with watched(server.pid, s3.pid) as whole, _crowd(system, server) as report:
        time.sleep(_SETTLE)
        with watched(server.pid, s3.pid) as usage:
            time.sleep(_WINDOW)
        shared = _fast(system, server)
    values |= {"shared": shared, "kept": shared / alone, "cores": usage.cpu / _WINDOW}
    values |= {"peak_rss": max(whole.peak, usage.peak), "written": whole.written}
    return values | {"pace_kept": report["sent_bytes"] / report["due_bytes"], "lost": report["lost"]}


def _fast(system: System, server: Served) -> float:
    """Return the bytes a second of one upload at full speed."""
    return float(load("fast", server.url, seconds=_FAST, **system.load)["bytes_per_s"])


@contextmanager
def _crowd(system: System, server: Served) -> Iterator[dict[str, Any]]:
    """Run 1,000 slow uploads (`bench.load.crowd`) while the context lasts; yield a dict, empty until the context has
    ended without an exception, which then has the fields of their `Report`. Raises RuntimeError if the uploads can't be
    begun."""
    report: dict[str, Any] = {}
    arguments = command("crowd", server.url, count=COUNT, rate=RATE, **system.load)
    process = subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError("the slow clients failed to start")
        yield report
        output, _ = process.communicate(timeout=_READY_WITHIN)
        report.update(json.loads(output))
    finally:
        end(process)
