"""One connection to the sink: heads are read, bodies are thrown away unseen."""

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
_BITE = 4 * MIB
_PACED_BITE = 128 * 1024
SCRATCH = mmap.mmap(-1, _BITE)
"""Where bytes would go that are thrown away; with MSG_TRUNC none ever do."""
ZEROS = memoryview(bytes(MIB))


def _zeros() -> int:
    descriptor = os.memfd_create("zeros")
    os.write(descriptor, bytes(MIB))
    return descriptor


_ZEROS_FILE = _zeros()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What the network between a server and its S3 is like: seconds for an answer, bytes a second a connection."""

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
        """Bytes of the body; None where it comes in chunks, which say so themselves."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return None
        return int(self.headers.get("Content-Length", "0"))


class Connection:
    """A client's connection; every method raises OSError or EOFError when it is gone."""

    def __init__(self, sock: socket.socket, pace: Pace) -> None:
        self._sock = sock
        self._pace = pace
        self._early = bytearray()
        """What came behind the head."""

    def head(self) -> Head:
        first, *lines = self._up_to(b"\r\n\r\n").decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        head = Head(method=method, target=target, headers=CIMultiDict(_field(line) for line in lines))
        if head.headers.get("Expect", "").lower() == "100-continue":
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return head

    def body(self, length: int | None) -> bytes:
        if length is None:
            return b"".join([self._taken(size) for size in self._chunks()])
        return self._taken(length)

    def skip(self, length: int | None) -> int:
        """Throw a body away, no faster than the pace allows; returns its length."""
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
        """Send so many bytes of an object that was never kept, no faster than the pace allows."""
        started, left = time.monotonic(), length
        bite = _PACED_BITE if self._pace.rate else MIB
        while left:
            left -= self._send_zeros(min(left, bite))
            self._keep_pace(started, length - left)

    def close(self) -> None:
        self._sock.close()

    def _chunks(self) -> Iterator[int]:
        """The size of each chunk that is to be read, before it is."""
        while size := int(self._up_to(b"\r\n").split(b";")[0], 16):
            yield size
            self._taken(2)
        self._taken(2)

    def _skip(self, length: int) -> None:
        started, left = time.monotonic(), length - len(self._early[:length])
        del self._early[:length]
        while left:
            left -= self._discard(left)
            self._keep_pace(started, length - left)

    def _keep_pace(self, started: float, done: int) -> None:
        if self._pace.rate:
            time.sleep(max(0.0, started + done / self._pace.rate - time.monotonic()))

    def _up_to(self, mark: bytes) -> bytes:
        while (end := self._early.find(mark)) < 0:
            self._early += self._some(_HEAD)
        found = self._taken(end)
        self._taken(len(mark))
        return found

    def _taken(self, length: int) -> bytes:
        while len(self._early) < length:
            self._early += self._some(max(length - len(self._early), 2))
        taken = bytes(self._early[:length])
        del self._early[:length]
        return taken

    def _some(self, most: int) -> bytes:
        if not (data := self._sock.recv(most)):
            raise EOFError
        return data

    def _send_zeros(self, count: int) -> int:
        if isinstance(self._sock, ssl.SSLSocket):
            return self._sock.send(ZEROS[:count])
        return os.sendfile(self._sock.fileno(), _ZEROS_FILE, 0, count)

    def _discard(self, left: int) -> int:
        if isinstance(self._sock, ssl.SSLSocket):
            count = self._sock.recv_into(SCRATCH, min(left, _BITE))
        else:
            bite = min(left, _PACED_BITE if self._pace.rate else _BITE)
            count = self._sock.recv_into(SCRATCH, bite, socket.MSG_TRUNC | socket.MSG_WAITALL)
        if count == 0:
            raise EOFError
        return count


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()
