"""Bytes to upload: zeros of a file in memory, sent by the kernel at almost no cost."""

from __future__ import annotations

import os
import socket
import time

MIB = 1024 * 1024
SIZE = 16 * MIB
_PACED = 64 * 1024


def zeros() -> int:
    """Return the descriptor of a file of `SIZE` zeros."""
    descriptor = os.memfd_create("zeros")
    os.write(descriptor, bytes(SIZE))
    return descriptor


_FILE = zeros()


def send(sock: socket.socket, length: int, rate: float = 0.0) -> None:
    """Send `length` zeros, at most `rate` bytes a second if that isn't 0."""
    started, total = time.monotonic(), 0
    limit = _PACED if rate else SIZE
    while total < length:
        total += os.sendfile(sock.fileno(), _FILE, 0, min(limit, length - total))
        if rate:
            time.sleep(max(0.0, started + total / rate - time.monotonic()))
