"""The shared metrics of several workers, for their supervisor. Imports no prometheus_client, which must not be imported
before `shared_metrics` is entered."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

SHARED_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that names the directory of the shared metrics. prometheus_client shares metrics only if it
is set when the library is first imported."""
_MEMORY = Path("/dev/shm")  # noqa: S108  for a directory of random name; writable even in a read-only container


@contextmanager
def shared_metrics() -> Iterator[None]:
    """Share the metrics of workers that are started within the context. Their files are in memory, if /dev/shm is
    writable, and are removed at the end."""
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="tusd-py-metrics-", dir=place) as directory:
        os.environ[SHARED_DIRECTORY] = directory
        try:
            yield
        finally:
            del os.environ[SHARED_DIRECTORY]


def forget_worker(pid: int) -> None:
    """Remove the gauges of a worker that has ended; its counters still count. To be called within `shared_metrics`.

    Gauges that can't be found or removed, for example for lack of descriptors, stay: an exception here would end all
    workers.
    """
    with suppress(OSError):
        for path in Path(os.environ[SHARED_DIRECTORY]).glob(f"gauge_live*_{pid}.db"):
            path.unlink(missing_ok=True)
