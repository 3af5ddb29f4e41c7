"""The figures: each measures its systems, interleaved, and records samples."""

from __future__ import annotations

from collections.abc import Callable

from bench.bench import Bench
from bench.figures import bulk, crowd, crowded_state, download, growth, idle, link, real, requests, small

FIGURES: dict[str, Callable[[Bench], None]] = {
    bulk.CPU: bulk.measure_cpu,
    bulk.TLS: bulk.measure_tls,
    small.NAME: small.measure,
    link.NAME: link.measure,
    crowd.NAME: crowd.measure,
    requests.NAME: requests.measure,
    growth.SAVES: growth.measure_saves,
    growth.NAME: growth.measure,
    crowded_state.NAME: crowded_state.measure,
    download.NAME: download.measure,
    idle.NAME: idle.measure,
    real.NAME: real.measure,
}
QUICK = (bulk.CPU, bulk.TLS, small.NAME, link.NAME, crowd.NAME, requests.NAME, growth.SAVES, growth.NAME)
"""Those that the goals speak of."""
