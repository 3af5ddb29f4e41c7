"""Identifiers of this boot of the machine and of this process."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


@cache
def boot_id() -> str:
    """Return the kernel's id of this boot; empty if it can't be read, as on other systems than Linux."""
    return (_read("/proc/sys/kernel/random/boot_id") or "").strip()


def this_process() -> str:
    """Return an id of this process: pid namespace, pid and start time, separated by spaces. The first or the last is
    empty if it can't be read; else no other process of this boot has the same id."""
    pid = os.getpid()
    return f"{_namespace()} {pid} {_started(pid) or ''}"


def is_gone(process: str) -> bool:
    """Return True if the process with this id (`this_process`) has certainly ended; False for a process in another
    container, or if its container or its start time can't be read, as when /proc hides other users' processes.
    """
    namespace, pid, started = process.split(" ")
    if not (namespace and started) or namespace != _namespace():
        return False
    return _started(int(pid)) not in {started, None}


@cache
def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """Return the start time in clock ticks since boot (proc(5), field 22 of `stat`); empty if no process has the id, or
    if it has ended (a zombie); None if it can't be read."""
    text = _read(f"/proc/{pid}/stat")
    if not text:
        return "" if text == "" and _is_free(pid) else None
    _, _, stat = text.rpartition(") ")  # the name before may contain any character
    state, *fields = stat.split()
    return "" if state in ("Z", "X") else fields[18]


def _is_free(pid: int) -> bool:
    """Return True if no process has the id. /proc alone can't say that: with hidepid (systemd's ProtectProc) it has no
    files of the processes of other users.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # EPERM: there is one, of another user
        return False
    return False


def _read(path: str) -> str | None:
    """Return the text of a file below /proc; empty if the file doesn't exist, or the process that it describes has just
    ended; None if the file can't be read, for example since this process has no free file descriptor.
    """
    try:
        return Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    except OSError:
        return None
