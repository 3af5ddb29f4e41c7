"""Identifiers of this boot of the machine and of this process."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


@cache
def boot_id() -> str:
    """Return the kernel's id of this boot; empty on other systems than Linux."""
    return _read("/proc/sys/kernel/random/boot_id").strip()


def this_process() -> str:
    """Return an id of this process, unique on the machine: pid namespace, pid and start time, separated by spaces."""
    pid = os.getpid()
    return f"{_namespace()} {pid} {_started(pid)}"


def is_gone(process: str) -> bool:
    """Return True if the process with this id (`this_process`) has certainly ended; False for one in another
    container."""
    namespace, pid, started = process.split(" ")
    return bool(namespace) and namespace == _namespace() and _started(int(pid)) != started


@cache
def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return the start time in clock ticks since boot (proc(5), field 22 of `stat`); empty if no process has the id, if
    it has ended (a zombie), or if /proc can't be read."""
    _, _, stat = _read(f"/proc/{pid}/stat").rpartition(") ")  # the name before may contain any character
    state, *fields = stat.split() or [""]
    return "" if state in ("", "Z", "X") else fields[18]


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
