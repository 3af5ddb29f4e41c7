"""Metrics of several workers, for the process that starts them. Imports no prometheus_client: see `metrics`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SHARED_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable in which prometheus_client looks, once, when it is imported."""
_MEMORY = Path("/dev/shm")  # noqa: S108  a directory of random name is made in it; there even in a read-only container


@contextmanager
def shared_metrics() -> Iterator[None]:
    """Within it, workers that are started count together. The files live in memory where there is a place for it."""
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="tusd-py-metrics-", dir=place) as directory:
        os.environ[SHARED_DIRECTORY] = directory
        try:
            yield
        finally:
            del os.environ[SHARED_DIRECTORY]


def worker_left(pid: int) -> None:
    """Forget the gauges of a worker that has ended; what it counted stays counted."""
    for path in Path(os.environ[SHARED_DIRECTORY]).glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)
