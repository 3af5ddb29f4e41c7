"""The figures: each measures its systems, interleaved, and records samples."""

from __future__ import annotations

from collections.abc import Callable

from bench.bench import Bench
from bench.figures import bulk, crowd, link, small

FIGURES: dict[str, Callable[[Bench], None]] = {
    bulk.CPU: bulk.measure_cpu,
    bulk.TLS: bulk.measure_tls,
    link.NAME: link.measure,
    small.NAME: small.measure,
    crowd.NAME: crowd.measure,
}
