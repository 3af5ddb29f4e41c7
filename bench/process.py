"""The start and end of processes, by their ids alone."""

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
    """Run the process while the context lasts; its output goes to `directory`/log."""
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
    """Wait for any HTTP response; return the seconds it took. Raises StartError."""
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
