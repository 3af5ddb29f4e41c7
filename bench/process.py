"""The start and end of processes: each is ended by its process id, never by its name."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from devtools.part import mortal

READY_WITHIN = 30.0


class StartError(RuntimeError):
    """A server doesn't start; the message says why."""


@contextmanager
def running(
    command: Sequence[str], directory: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` in `directory` with exactly this environment, its output appended to `directory`/log; when the
    context ends, kill it and its descendants."""
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            mortal(*command), cwd=directory, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and its descendants."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()
    process.wait()


def wait_until_answering(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> float:
    """Wait until the server answers OPTIONS of `path`, with any status; return the seconds since the call. Raises
    StartError, with the end of `log`, if the process ends or doesn't answer within `READY_WITHIN` seconds."""
    started = time.monotonic()
    while not _answers(port, path):
        if process.poll() is not None:
            raise StartError(f"ended with code {process.returncode}: {log.read_text(errors='replace')[-2000:]}")
        if time.monotonic() - started > READY_WITHIN:
            raise StartError(f"no answer within {READY_WITHIN:.0f} s: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.002)
    return time.monotonic() - started


def _answers(port: int, path: str) -> bool:
    head = f"OPTIONS {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(head.encode())
        return connection.recv(16).startswith(b"HTTP/1.1 ")
    return False
