"""Small requests: their rate, latency and cost."""

from __future__ import annotations

from bench import systems
from bench.bench import Bench
from bench.loads import load
from bench.probe import watched
from bench.sinks import Sink, sink
from bench.systems.base import Served, System
from bench.systems.ours import tusdpy
from devtools.redis import RedisServer

NAME = "small"
OPERATIONS = ("create", "head", "upload")


def measure(bench: Bench) -> None:
    """Measure tusd-py on SQLite and on Redis, and its peers. The S3 is `bench.sink`; peers that don't support S3 store
    on a local disk, and are left out of a quick run."""
    with bench.temporary() as directory, RedisServer(directory) as server, sink() as s3:
        variants = (systems.PLAIN, tusdpy("tusd-py on Redis", "--s3-checksum", "none", state=server.url))
        peers = (systems.TUSD, systems.TUS_NODE) if bench.quick else (*systems.ON_S3, *systems.ON_DISK)
        for system in bench.in_turn(NAME, (*variants, *peers)):
            _measure(bench, system, s3)


def _measure(bench: Bench, system: System, s3: Sink) -> None:
    with bench.served(system, s3) as server:
        for operation in ("upload",) if bench.quick else OPERATIONS:
            with bench.attempt(NAME, system):
                bench.record(NAME, system, operation, **_measured(bench, server, s3, operation))


def _measured(bench: Bench, server: Served, s3: Sink, operation: str) -> dict[str, float]:
    with watched(server.pid, s3.pid) as usage:
        report = load("small", server.url, operation=operation, seconds=3 if bench.quick else 4)
    values = {name: report[name] for name in ("per_s", "p50_ms", "p99_ms")}
    return {**values, "cpu_ms": 1000 * usage.cpu / report["requests"]}
