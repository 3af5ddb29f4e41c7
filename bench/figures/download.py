"""Downloads: whole objects, and successive ranges."""

from __future__ import annotations

from bench import systems
from bench.bench import Bench
from bench.loads import load
from bench.places import GIB, MIB
from bench.probe import watched
from bench.sinks import Sink, sink
from bench.systems.base import Served, System

NAME = "download"
CASES = {
    "whole, 1": {"count": 1},
    "whole, 4": {"count": 4},
    "ranges of 8 MiB, 4": {"count": 4, "piece": 8 * MIB},
}
_WHOLE_ONLY = (systems.TUS_NODE,)


def measure(bench: Bench) -> None:
    """Measure downloads through the relays, tusd-py without checksums, tusd and @tus/server, with `bench.sink` as S3,
    which sends zeros."""
    with sink() as s3:
        for system in bench.in_turn(NAME, (*systems.LIMITS, systems.PLAIN, systems.TUSD, systems.TUS_NODE)):
            with bench.attempt(NAME, system), bench.served(system, s3) as server:
                _measure(bench, system, server, s3)


def _measure(bench: Bench, system: System, server: Served, s3: Sink) -> None:
    size = bench.bulk_bytes(system) // 4
    (url,) = load("bulk", server.url, size=size, **system.load)["urls"]
    for case, options in CASES.items():
        if "piece" not in options or system not in _WHOLE_ONLY:
            bench.record(NAME, system, case, **_fetched(url, size, server, s3, options))


def _fetched(url: str, size: int, server: Served, s3: Sink, options: dict[str, int]) -> dict[str, float]:
    with watched(server.pid, s3.pid) as usage:
        report = load("bulk", url, mode="get", size=size, **options)
    gib = report["size"] / GIB
    return {
        "cpu_per_gib": usage.cpu / gib,
        "gib_per_s": gib / report["seconds"],
        "peak_rss": usage.peak,
        "written_per_byte": usage.written / report["size"],
    }
