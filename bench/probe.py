"""The resource usage of processes, mostly from /proc, and the size of an SQLite state."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(slots=True, kw_only=True)
class Usage:
    """The resources that a server used during a measurement, and the CPU seconds of other processes."""

    seconds: float = 0.0
    """The duration of the measurement."""
    cpu: float = 0.0
    """CPU seconds of the server and its descendants, user and system."""
    peak: int = 0
    """The peak resident bytes of each of the server's processes, added up; memory that they share counts for each."""
    written: int = 0
    """Bytes that the server's processes caused to be written to local disks (`write_bytes` in proc(5))."""
    sink: float = 0.0
    """CPU seconds of the S3 end."""
    other_cpu: float = 0.0
    """CPU seconds of all on the machine but the server and the S3 end: the load client, other processes, interrupts."""

    def shares(self, client: float) -> dict[str, float]:
        """Return the average cores used by the server (`cores`), by the S3 end and the load client together
        (`load_cores`), and by all other processes (`other_cores`); `client` is the load client's CPU seconds."""
        return {
            "cores": self.cpu / self.seconds,
            "load_cores": (self.sink + client) / self.seconds,
            "other_cores": max(0.0, self.other_cpu - client) / self.seconds,
        }


@contextmanager
def watched(pid: int, sink: int) -> Iterator[Usage]:
    """Measure the server `pid` and its descendants while the context lasts; the usage is filled in at its end. `sink`
    is the process id of the S3 end."""
    usage, family = Usage(), _family(pid)
    for process in family:
        _reset_peak(process.pid)
    cpu, written, s3, busy = _cpu(family), _written(family), _cpu(_family(sink)), _busy()
    started = time.monotonic()
    yield usage
    usage.seconds = time.monotonic() - started
    family = _family(pid)
    usage.cpu, usage.written = _cpu(family) - cpu, _written(family) - written
    usage.sink = _cpu(_family(sink)) - s3
    usage.other_cpu = _busy() - busy - usage.cpu - usage.sink
    usage.peak = sum(_status(process.pid, "VmHWM") for process in family)


def resident(pid: int) -> int:
    """Return the resident bytes of the process and its descendants; memory that they share counts once for each."""
    return sum(_status(process.pid, "VmRSS") for process in _family(pid))


def state_size(path: Path) -> int:
    """Return the bytes of all pages of an SQLite database: the size that its file has once the write-ahead log is
    checkpointed."""
    with closing(sqlite3.connect(path)) as connection:
        (pages,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    return int(pages) * int(size)


def _family(pid: int) -> list[psutil.Process]:
    first = psutil.Process(pid)
    return [first, *first.children(recursive=True)]


def _cpu(family: list[psutil.Process]) -> float:
    """Return the CPU seconds, with those of children that have ended and were waited for."""
    times = [process.cpu_times() for process in family]
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def _written(family: list[psutil.Process]) -> int:
    return sum(process.io_counters().write_bytes for process in family)


def _busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def _reset_peak(pid: int) -> None:
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0
