"""What a process and all that it started have used, out of /proc."""

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
    """What a server used while something was measured."""

    seconds: float = 0.0
    """How long that was."""
    cpu: float = 0.0
    """Seconds, user and system."""
    peak: int = 0
    """Resident bytes at their highest, summed over its processes."""
    written: int = 0
    """Bytes handed to the block layer of local disks."""
    sink: float = 0.0
    """CPU seconds of the S3 end."""
    others: float = 0.0
    """CPU seconds of everything else on the machine: the client, and whoever else is there."""

    def shares(self, client: float) -> dict[str, float]:
        """Who had the cores meanwhile; `client` is the CPU seconds of the load's client."""
        return {
            "cores": self.cpu / self.seconds,
            "load_cores": (self.sink + client) / self.seconds,
            "other_cores": max(0.0, self.others - client) / self.seconds,
        }


@contextmanager
def watched(pid: int, sink: int) -> Iterator[Usage]:
    """Filled in when the block ends; `sink` is the process of the S3 end."""
    usage, family = Usage(), _family(pid)
    for each in family:
        _forget_peak(each.pid)
    cpu, written, s3, busy = _cpu(family), _written(family), _cpu(_family(sink)), _busy()
    started = time.monotonic()
    yield usage
    usage.seconds = time.monotonic() - started
    family = _family(pid)
    usage.cpu, usage.written = _cpu(family) - cpu, _written(family) - written
    usage.sink = _cpu(_family(sink)) - s3
    usage.others = _busy() - busy - usage.cpu - usage.sink
    usage.peak = sum(_status(each.pid, "VmHWM") for each in family)


def resident(pid: int) -> int:
    """Resident bytes now, summed over the processes: what they share counts once for each."""
    return sum(_status(each.pid, "VmRSS") for each in _family(pid))


def state_size(path: Path) -> int:
    """Bytes of an SQLite database, without what its write-ahead log repeats."""
    with closing(sqlite3.connect(path)) as connection:
        (pages,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    return int(pages) * int(size)


def _family(pid: int) -> list[psutil.Process]:
    first = psutil.Process(pid)
    return [first, *first.children(recursive=True)]


def _cpu(family: list[psutil.Process]) -> float:
    """With the children that have ended and were waited for."""
    times = [each.cpu_times() for each in family]
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def _written(family: list[psutil.Process]) -> int:
    return sum(each.io_counters().write_bytes for each in family)


def _busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def _forget_peak(pid: int) -> None:
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0
