"""Listeners of one upload's events: the memory of each, how soon all are told, and an upload at the same time."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from bench import systems
from bench.bench import Bench
from bench.loads import command, load
from bench.places import ROOT
from bench.probe import resident, watched
from bench.process import end
from bench.sinks import Sink, sink
from bench.systems.base import Served
from bench.systems.ours import tusdpy

NAME = "listeners"
COUNT = 10_000
_CAPS = ("--live-max-upload-listeners", f"{COUNT}", "--max-connections", f"{2 * COUNT}")
TUSD_PY = tusdpy("tusd-py", "--s3-checksum", "none", "--live", *_CAPS)
_CHANGES = 5
_SETTLE = 3.0
"""The seconds to wait before memory is read, and between changes: a listener is told of at most one change a second."""


def measure(bench: Bench) -> None:
    with sink() as s3:
        for system in bench.in_turn(NAME, (TUSD_PY, systems.COMPANION)):
            with bench.attempt(NAME, system), bench.served(system, s3) as server:
                time.sleep(_SETTLE)
                measure_one = _events if system is TUSD_PY else _socket
                bench.record(NAME, system, f"{COUNT}", **measure_one(server, s3, 3.0 if bench.quick else 8.0))


def _events(server: Served, s3: Sink, seconds: float) -> dict[str, float]:
    idle = resident(server.pid)
    with _listening(server, "events") as crowd:
        values = _changes(server, s3, crowd, idle)
        _upload(server, s3, 1.0)  # to warm up
        speed, cost = _upload(server, s3, seconds)
    time.sleep(_SETTLE)
    speed_alone, cost_alone = _upload(server, s3, seconds)
    shares = {"kept": speed / speed_alone, "cost": cost / cost_alone}
    return {**values, "shared": speed, "alone": speed_alone, **shares}


def _socket(server: Served, s3: Sink, _: float) -> dict[str, float]:
    idle = resident(server.pid)
    with _listening(server, "socket") as crowd:
        return _changes(server, s3, crowd, idle)


def _upload(server: Served, s3: Sink, seconds: float) -> tuple[float, float]:
    """Return the bytes a second of one upload at full speed, and the server's CPU seconds for each byte."""
    with watched(server.pid, s3.pid) as usage:
        speed = float(load("fast", server.url, seconds=seconds)["bytes_per_s"])
    return speed, usage.cpu / (speed * seconds)


def _changes(server: Served, s3: Sink, crowd: Crowd, idle: int) -> dict[str, float]:
    """Let `crowd` change the upload five times. Return the resident bytes for each listener that the server has above
    `idle`, its resident bytes without listeners (`memory`), and the medians over the changes of the fields of
    `bench.load.listeners.Report` and of the server's CPU milliseconds (`cpu_ms`)."""
    time.sleep(_SETTLE)
    memory = (resident(server.pid) - idle) / COUNT
    reports = list[dict[str, float]]()
    for _ in range(_CHANGES):
        time.sleep(_SETTLE)
        with watched(server.pid, s3.pid) as usage:
            report = crowd.change()
        reports.append({**report, "cpu_ms": 1000 * usage.cpu})
    return {"memory": memory, **{name: median(report[name] for report in reports) for name in reports[0]}}


@dataclass(frozen=True, slots=True)
class Crowd:
    """The process `bench.load.listeners`, which holds the connections of all listeners."""

    process: subprocess.Popen[bytes]

    def line(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def change(self) -> dict[str, float]:
        """Let the process change the upload once; return its report, in milliseconds
        (`bench.load.listeners.Report`)."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        report: dict[str, float] = json.loads(self.line())
        return report


@contextmanager
def _listening(server: Served, kind: str) -> Iterator[Crowd]:
    """Run 10,000 listeners of one upload while the context lasts: of server-sent events if `kind` is "events", of
    WebSocket messages if it is "socket". Raises RuntimeError if they can't begin to listen."""
    arguments = command("listeners", server.url, kind=kind, count=COUNT)
    crowd = Crowd(subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    try:
        if crowd.line() != b"ready\n":
            raise RuntimeError("the listeners failed to start")
        yield crowd
    finally:
        end(crowd.process)
