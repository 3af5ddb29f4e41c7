"""A thousand slow uploads, and what a fast one gets beside them."""

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
OURS = tusdpy("tusd-py, 128 MiB budget", "--s3-checksum", "none", "--memory-budget", "128MiB")
_SETTLE, _WINDOW, _FAST = 10.0, 8.0, 8.0
_READY_WITHIN = 60.0


def measure(bench: Bench) -> None:
    chosen = (OURS,) if bench.quick else (systems.NGINX, OURS, systems.TUSD, systems.TUS_NODE)
    with sink() as s3:
        for system in bench.each(NAME, chosen):
            with bench.attempt(NAME, system), bench.served(system, s3) as server:
                bench.record(NAME, system, f"{COUNT}", **_crowded(system, server, s3))


def _crowded(system: System, server: Served, s3: Sink) -> dict[str, float]:
    alone = _fast(system, server)
    values: dict[str, float] = {"alone": alone}
    with watched(server.pid, s3.pid) as whole, _crowd(system, server) as report:
        time.sleep(_SETTLE)
        with watched(server.pid, s3.pid) as usage:
            time.sleep(_WINDOW)
        beside = _fast(system, server)
    values |= {"beside": beside, "kept": beside / alone, "cores": usage.cpu / _WINDOW}
    values |= {"peak_rss": max(whole.peak, usage.peak), "written": whole.written}
    return values | {"pace_kept": report["sent"] / report["wanted"], "lost": report["lost"]}


def _fast(system: System, server: Served) -> float:
    """Bytes a second of one upload as fast as it goes."""
    return float(load("fast", server.url, seconds=_FAST, **system.load)["bytes_per_s"])


@contextmanager
def _crowd(system: System, server: Served) -> Iterator[dict[str, Any]]:
    """The crowd is there while the block lasts; its report is filled in then."""
    report: dict[str, Any] = {}
    what = command("crowd", server.url, count=COUNT, rate=RATE, **system.load)
    process = subprocess.Popen(what, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError("the crowd didn't come")
        yield report
        said, _ = process.communicate(timeout=_READY_WITHIN)
        report.update(json.loads(said))
    finally:
        end(process)
