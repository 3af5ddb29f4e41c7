"""The ways in which clients are told of uploads: many listeners while uploads change, and whole lists."""

from __future__ import annotations

from bench.bench import Bench
from bench.load.ways import FEED, LISTS, SSE, WAYS
from bench.loads import prepared
from bench.probe import watched
from bench.sinks import Sink, sink
from bench.systems.base import Served, System
from bench.systems.ours import tusdpy

NAME = "live"
CHANGES = 10
_ROUTES = ("--live", "--listing", "--dashboard", "--live-max-client-listeners", "1000")
_TUSD_PY = tusdpy("tusd-py", "--s3-checksum", "none", *_ROUTES)
_BARE = {True: SSE, False: FEED}
"""The names in `bench.load.ways.WAYS` of the ways whose changes are also made with no listener, for comparison: True
for changes of one upload, False for creations."""


def measure(bench: Bench) -> None:
    """Measure each way to be told of changes (`WAYS`), and each format of a whole list of uploads (`LISTS`), each on a
    new server that serves nothing else. Record the server's CPU time for each listed row, or for each told change in
    excess of that of the change without a listener, and the other values in the load client's report."""
    with sink() as s3:
        for system in bench.in_turn(NAME, (_TUSD_PY,)):
            with bench.attempt(NAME, system):
                _listeners(bench, system, s3)
                _lists(bench, system, s3)


def _listeners(bench: Bench, system: System, s3: Sink) -> None:
    """Measure each way to be told of changes; from the server's CPU subtract that of the same changes without a
    listener."""
    with bench.served(system, s3) as server:
        alone = {of_upload: _watch(server, s3, way, 0)["cpu"] for of_upload, way in _BARE.items()}
    for name, way in WAYS.items():
        with bench.served(system, s3) as server:
            values = _watch(server, s3, name, way.listeners)
        _record(bench, system, name, {**values, "cpu": values["cpu"] - alone[way.of_upload]})


def _lists(bench: Bench, system: System, s3: Sink) -> None:
    for name, form in LISTS.items():
        with bench.served(system, s3) as server:
            _record(bench, system, name, _measured(server, s3, "rows", format=form))


def _watch(server: Served, s3: Sink, way: str, listeners: int) -> dict[str, float]:
    return _measured(server, s3, "changes", way=way, listeners=listeners, changes=CHANGES)


def _measured(server: Served, s3: Sink, module: str, **options: object) -> dict[str, float]:
    """Run the load client `bench.load.MODULE` with these options against the server. Return its report, and as `cpu`
    the server's CPU seconds while it measured. Raises LoadFailed."""
    with prepared(module, server.url, **options) as measure_load:
        with watched(server.pid, s3.pid) as usage:
            report = measure_load()
        return {**report, "cpu": usage.cpu}


def _record(bench: Bench, system: System, case: str, values: dict[str, float]) -> None:
    """Record the values for the case; of `cpu`, in seconds, and `count`, of told changes or listed rows, only the
    quotient, in milliseconds (`cpu_ms`)."""
    report = {name: value for name, value in values.items() if name not in {"cpu", "count"}}
    bench.record(NAME, system, case, cpu_ms=1000 * values["cpu"] / values["count"], **report)
