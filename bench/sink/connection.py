"""One connection to the sink, an S3 for benchmarks: heads and small bodies are read, other bodies are discarded."""

from __future__ import annotations

import mmap
import os
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass

from multidict import CIMultiDict

MIB = 1024 * 1024
_HEAD = 64 * 1024
_LIMIT = 4 * MIB
_PACED_LIMIT = 128 * 1024
SCRATCH = mmap.mmap(-1, _LIMIT)
"""The buffer that discarded bytes are read into with TLS. Without, it stays unused: the kernel drops them
(MSG_TRUNC)."""
ZEROS = memoryview(bytes(MIB))


def _zeros() -> int:
    descriptor = os.memfd_create("zeros")
    os.write(descriptor, bytes(MIB))
    return descriptor


_ZEROS_FILE = _zeros()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The simulated network between a server and S3: seconds before a response, and the most bytes a second at which
    one connection carries bytes that aren't kept, 0 for no limit."""

    latency: float = 0.0
    rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A request without its body."""

    method: str
    target: str
    headers: CIMultiDict[str]

    @property
    def length(self) -> int | None:
        """Bytes of the body; None for a chunked one."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return None
        return int(self.headers.get("Content-Length", "0"))


class Connection:
    """A client's connection. Reading and sending raise OSError or EOFError once it is closed."""

    def __init__(self, sock: socket.socket, pace: Pace) -> None:
        self._sock = sock
        self._pace = pace
        self._buffer = bytearray()
        """Bytes received but not consumed."""

    def head(self) -> Head:
        first, *lines = self._up_to(b"\r\n\r\n").decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        head = Head(method=method, target=target, headers=CIMultiDict(_field(line) for line in lines))
        if head.headers.get("Expect", "").lower() == "100-continue":
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return head

    def body(self, length: int | None) -> bytes:
        if length is None:
            return b"".join([self._take(size) for size in self._chunks()])
        return self._take(length)

    def skip(self, length: int | None) -> int:
        """Discard a body, no faster than the pace allows; return its length. `length` is None for a chunked body."""
        if length is not None:
            self._skip(length)
            return length
        total = 0
        for size in self._chunks():
            self._skip(size)
            total += size
        return total

    def answer(self, head: bytes, body: bytes = b"") -> None:
        if self._pace.latency:
            time.sleep(self._pace.latency)
        self._sock.sendall(head + body)

    def zeros(self, length: int) -> None:
        """Send zeros for an object that was discarded, no faster than the pace allows."""
        started, remaining = time.monotonic(), length
        limit = _PACED_LIMIT if self._pace.rate else MIB
        while remaining:
            remaining -= self._send_zeros(min(remaining, limit))
            self._keep_pace(started, length - remaining)

    def close(self) -> None:
        self._sock.close()

    def _chunks(self) -> Iterator[int]:
        """Yield the size of each chunk; the caller reads the chunk before the next iteration."""
        while size := int(self._up_to(b"\r\n").split(b";")[0], 16):
            yield size
            self._take(2)
        self._take(2)

    def _skip(self, length: int) -> None:
        started, remaining = time.monotonic(), length - len(self._buffer[:length])
        del self._buffer[:length]
        while remaining:
            remaining -= self._discard(remaining)
            self._keep_pace(started, length - remaining)

    def _keep_pace(self, started: float, done: int) -> None:
        if self._pace.rate:
            time.sleep(max(0.0, started + done / self._pace.rate - time.monotonic()))

    def _up_to(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            self._buffer += self._receive(_HEAD)
        data = self._take(end)
        self._take(len(mark))
        return data

    def _take(self, length: int) -> bytes:
        while len(self._buffer) < length:
            self._buffer += self._receive(max(length - len(self._buffer), 2))
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return data

    def _receive(self, limit: int) -> bytes:
        if not (data := self._sock.recv(limit)):
            raise EOFError
        return data

    def _send_zeros(self, count: int) -> int:
        if isinstance(self._sock, ssl.SSLSocket):
            return self._sock.send(ZEROS[:count])
        return os.sendfile(self._sock.fileno(), _ZEROS_FILE, 0, count)

    def _discard(self, limit: int) -> int:
        if isinstance(self._sock, ssl.SSLSocket):
            count = self._sock.recv_into(SCRATCH, min(limit, _LIMIT))
        else:
            size = min(limit, _PACED_LIMIT if self._pace.rate else _LIMIT)
            count = self._sock.recv_into(SCRATCH, size, socket.MSG_TRUNC | socket.MSG_WAITALL)
        if count == 0:
            raise EOFError
        return count


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()
