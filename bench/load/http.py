"""A minimal HTTP client for the load, over blocking sockets."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}


class LoadError(RuntimeError):
    """A server sent an unexpected response; in `bench.load.listeners` and `bench.load.small` also: it closed a
    connection, or didn't tell a listener in time. The methods of `Client` raise EOFError for a closed connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""


def request(method: str, url: str, headers: Mapping[str, str], length: int | None = None) -> bytes:
    """Return the head of an HTTP/1.1 request whose body has `length` bytes; with None the head has no
    Content-Length."""
    parts = urlsplit(url)
    sized = {} if length is None else {"Content-Length": str(length)}
    fields = "".join(f"{name}: {value}\r\n" for name, value in {"Host": parts.netloc, **headers, **sized}.items())
    return f"{method} {target(url)} HTTP/1.1\r\n{fields}\r\n".encode("latin-1")


def target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


class Client:
    """One connection to the server of `url`."""

    def __init__(self, url: str, *, send_buffer: int | None = None) -> None:
        parts = urlsplit(url)
        self.sock = socket.socket()
        if send_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self.sock.connect((parts.hostname, parts.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def ask(self, method: str, url: str, headers: Mapping[str, str], length: int | None = None) -> Answer:
        """Send the head of a request that has no body, with the field Content-Length if `length` is 0, without it if
        `length` is None; return the response, whose body is dropped. Raises EOFError if the server closes the
        connection."""
        self.sock.sendall(request(method, url, headers, length))
        answer = self.answer()
        if method != "HEAD":
            self.drop(answer)
        return answer

    def answer(self) -> Answer:
        """Read the head of the next response; return its status and headers. Raises EOFError if the server closes the
        connection."""
        while (end := self._read.find(b"\r\n\r\n")) < 0:
            self._read += self._receive()
        first, *lines = self._read[:end].decode("latin-1").split("\r\n")
        del self._read[: end + 4]
        fields = (line.partition(":") for line in lines)
        return Answer(status=int(first.split(" ")[1]), headers={n.lower(): v.strip() for n, _, v in fields})

    def drop(self, answer: Answer) -> int:
        """Discard the response's body, of as many bytes as its Content-Length says (0 without one), in the kernel if
        possible; return their number. Raises EOFError if the server closes the connection."""
        length = int(answer.headers.get("content-length", "0"))
        remaining = length - len(self._read[:length])
        del self._read[:length]
        while remaining:
            remaining -= self._discard(remaining)
        return length

    def _discard(self, limit: int) -> int:
        size = min(limit, len(_SCRATCH))
        if (count := self.sock.recv_into(_SCRATCH, size, socket.MSG_TRUNC | socket.MSG_WAITALL)) == 0:
            raise EOFError("the server closed the connection")
        return count

    def _receive(self) -> bytes:
        if not (data := self.sock.recv(65536)):
            raise EOFError("the server closed the connection")
        return data


_SCRATCH = bytearray(4 * 1024 * 1024)


def create(url: str, length: int, headers: Mapping[str, str] | None = None) -> str:
    """Create an upload of `length` bytes by a POST to `url`, with these further headers; return its URL. Raises
    LoadError if the status isn't 201, EOFError if the server closes the connection."""
    with Client(url) as client:
        answer = client.ask("POST", url, {**TUS, "Upload-Length": str(length), **(headers or {})}, 0)
    if answer.status != 201:  # noqa: PLR2004
        raise LoadError(f"POST was answered {answer.status}")
    return absolute(url, answer.headers["location"])


def absolute(url: str, location: str) -> str:
    """Return the URL of `location`, a URL or an absolute path, on the server of `url`, even if it names another
    host."""
    parts = urlsplit(url)
    return f"http://{parts.netloc}{target(location)}"
