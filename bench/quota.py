"""A CPU quota for some processes, by a control group, so that a comparison isn't limited by the machine.

Needs root and the cpu controller (https://docs.kernel.org/scheduler/sched-bwc.html), version 1 or 2.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_OLD = _ROOT / "cpu"
_PERIOD = 100_000
"""Microseconds of a period of the quota."""


def missing() -> str | None:
    """Return the reason why no quota can be set here; None if it can."""
    try:
        with quota(1.0, []):
            return None
    except OSError as error:
        return f"no control group for the CPU: {error}"


@contextmanager
def quota(cores: float, pids: Iterable[int]) -> Iterator[None]:
    """Limit the processes `pids` together to the CPU time of so many cores while the context lasts. Raises OSError if
    no quota can be set, or a process has ended."""
    old = _OLD.is_dir()
    group = (_OLD if old else _ROOT) / f"tusdpy-bench-{os.getpid()}"
    group.mkdir()
    try:
        _limit(group, int(cores * _PERIOD), old=old)
        for pid in pids:
            (group / "cgroup.procs").write_text(f"{pid}")
        yield
    finally:
        _leave(group)


def _limit(group: Path, microseconds: int, *, old: bool) -> None:
    if old:
        (group / "cpu.cfs_period_us").write_text(f"{_PERIOD}")
        (group / "cpu.cfs_quota_us").write_text(f"{microseconds}")
    else:
        (group / "cpu.max").write_text(f"{microseconds} {_PERIOD}")


def _leave(group: Path) -> None:
    for pid in (group / "cgroup.procs").read_text().split():
        (group.parent / "cgroup.procs").write_text(pid)
    group.rmdir()
