"""Uploads at full speed: CPU and throughput of a warm server."""

from __future__ import annotations

from bench import systems
from bench.bench import Bench
from bench.loads import load
from bench.places import GIB
from bench.probe import watched
from bench.sinks import End, sink
from bench.systems.base import Served, System

CPU = "cpu"
TLS = "tls"


def measure_cpu(bench: Bench) -> None:
    """Measure uploads with plain HTTP between client and server, and between server and S3."""
    chosen = systems.GOALS if bench.quick else systems.ALL
    with sink() as s3:
        _measure(bench, CPU, chosen, s3)


def measure_tls(bench: Bench) -> None:
    """Measure uploads with plain HTTP from the client and TLS to S3."""
    chosen = (
        systems.NGINX,
        systems.NGINX_LARGE,
        systems.PLAIN,
        systems.CHECKED,
        *systems.ON_S3[: 1 if bench.quick else 3],
    )
    with bench.tls_sink() as s3:
        _measure(bench, TLS, chosen, s3)


def _measure(bench: Bench, figure: str, chosen: tuple[System, ...], s3: End) -> None:
    counts = (1, 16) if bench.quick else (1, 4, 16)
    for system in bench.in_turn(figure, chosen):
        with bench.attempt(figure, system), bench.served(system, s3) as server:
            for count in counts:
                uploads(bench.bulk_bytes(system), system, server, s3, count)
                bench.record(figure, system, f"{count}", **uploads(bench.bulk_bytes(system), system, server, s3, count))


def uploads(total: int, system: System, server: Served, s3: End, count: int) -> dict[str, float]:
    """Send `total` bytes in `count` concurrent uploads of equal length. Return the server's CPU seconds for each GiB
    (`cpu_per_gib`), the speed (`gib_per_s`), the shares of cores (`bench.probe.Usage.shares`), the server's peak
    resident bytes (`peak_rss`), the bytes that it wrote to local disks for each uploaded byte (`written_per_byte`), and
    the longest time from an upload's last byte to its response, in seconds (`wait`). Raises LoadFailed,
    TimeoutExpired."""
    with watched(server.pid, s3.pid) as usage:
        report = load("bulk", server.url, count=count, size=total // count, **system.load)
    gib = report["size"] / GIB
    return {
        "cpu_per_gib": usage.cpu / gib,
        "gib_per_s": gib / report["seconds"],
        **usage.shares(report["client_cpu"]),
        "peak_rss": usage.peak,
        "written_per_byte": usage.written / report["size"],
        "wait": max(report["waits"]),
    }
