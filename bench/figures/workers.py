"""The gain of a second worker, when a server may use 0.4 cores for each of its workers, so that the client and the S3
always have CPU left."""

from __future__ import annotations

import psutil

from bench import quota, systems
from bench.bench import Bench
from bench.loads import load
from bench.places import GIB, MIB
from bench.probe import watched
from bench.sinks import Sink, sink
from bench.systems.base import Served

NAME = "workers"
CASE = "16"
SHARE = 0.4
"""The cores that the processes of a server may use together, for each of its workers."""
_SIZE = 16 * MIB


def measure(bench: Bench) -> None:
    if reason := quota.missing():
        bench.results.missing[NAME] = reason
        return
    with sink() as s3:
        for system, count in (systems.PLAIN, 1), (systems.TWO, 2):
            with bench.attempt(NAME, system), bench.served(system, s3) as server:
                bench.record(NAME, system, CASE, **_steady(server, s3, count, 4.0 if bench.quick else 8.0))


def _steady(server: Served, s3: Sink, workers: int, seconds: float) -> dict[str, float]:
    first = psutil.Process(server.pid)
    pids = [server.pid, *(child.pid for child in first.children(recursive=True))]
    with quota.quota(SHARE * workers, pids), watched(server.pid, s3.pid) as usage:
        report = load("steady", server.url, count=int(CASE), size=_SIZE, seconds=seconds)
    return {"gib_per_s": report["bytes_per_s"] / GIB, **usage.shares(report["client_cpu"])}
