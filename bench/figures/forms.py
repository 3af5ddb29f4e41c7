"""Forms compared with PUT: what it costs to find the end of a file in a form."""

from __future__ import annotations

from bench.bench import Bench
from bench.load.form import CONTENTS
from bench.loads import load
from bench.places import GIB
from bench.probe import watched
from bench.sinks import Sink, sink
from bench.systems.base import Served
from bench.systems.ours import tusdpy

NAME = "forms"
SYSTEM = tusdpy("tusd-py", "--s3-checksum", "none", "--plain-uploads")
PUT = "PUT"
CASES = {PUT: ("put", "zeros"), **{f"form, {content}": ("form", content) for content in CONTENTS}}


def measure(bench: Bench) -> None:
    """Send a file by PUT, and one in a form for each content in `bench.load.form.CONTENTS`, to one server twice: first
    to warm up, then to measure each."""
    with sink() as s3, bench.attempt(NAME, SYSTEM), bench.served(SYSTEM, s3) as server:
        for way, content in CASES.values():
            _send(bench, server, s3, way, content)
        for case, (way, content) in CASES.items():
            bench.record(NAME, SYSTEM, case, **_send(bench, server, s3, way, content))


def _send(bench: Bench, server: Served, s3: Sink, way: str, content: str) -> dict[str, float]:
    with watched(server.pid, s3.pid) as usage:
        report = load("form", server.url, way=way, content=content, size=bench.bulk_bytes(SYSTEM) // 2)
    gib = report["size"] / GIB
    return {"cpu_per_gib": usage.cpu / gib, "gib_per_s": gib / report["seconds"], "peak_rss": usage.peak}
