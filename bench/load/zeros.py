"""Bytes to upload: zeros in a file in memory, sent by the kernel, so that any length costs next to nothing."""

from __future__ import annotations

import os
import socket
import time

MIB = 1024 * 1024
SIZE = 16 * MIB
_PACED = 64 * 1024


def zeros() -> int:
    """A descriptor of `SIZE` zeros."""
    descriptor = os.memfd_create("zeros")
    os.write(descriptor, bytes(SIZE))
    return descriptor


_FILE = zeros()


def send(sock: socket.socket, length: int, rate: float = 0.0) -> None:
    """`length` zeros, at most `rate` bytes a second if that isn't 0."""
    started, sent = time.monotonic(), 0
    bite = _PACED if rate else SIZE
    while sent < length:
        sent += os.sendfile(sock.fileno(), _FILE, 0, min(bite, length - sent))
        if rate:
            time.sleep(max(0.0, started + sent / rate - time.monotonic()))
