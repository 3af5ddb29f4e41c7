"""What tells one boot of a machine from the next, and one process from another."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


@cache
def boot_id() -> str:
    """Another one after each boot; empty where the system doesn't say (it isn't Linux)."""
    return _read("/proc/sys/kernel/random/boot_id").strip()


def this_process() -> str:
    """This process among all of the machine: its pid namespace, pid and start time, in words without spaces."""
    pid = os.getpid()
    return f"{_namespace()} {pid} {_started(pid)}"


def is_gone(process: str) -> bool:
    """True if that process has certainly ended. Of a process in another container nothing is certain."""
    namespace, pid, started = process.split(" ")
    return bool(namespace) and namespace == _namespace() and _started(int(pid)) != started


@cache
def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> str:
    """In clock ticks since boot (proc(5), field 22 of `stat`); empty without such a process, or for a dead one."""
    _, _, stat = _read(f"/proc/{pid}/stat").rpartition(") ")  # what stands before may hold anything
    state, *fields = stat.split() or [""]
    return "" if state in ("", "Z", "X") else fields[18]


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
