"""As little HTTP as a load client needs, over blocking sockets."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}


class LoadError(RuntimeError):
    """A server answered what it should not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""


def request(method: str, url: str, headers: Mapping[str, str], length: int | None = None) -> bytes:
    """The head of a request, for a body of `length` bytes."""
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
        """A request without a body, and its answer, whose body is dropped."""
        self.sock.sendall(request(method, url, headers, length))
        answer = self.answer()
        if method != "HEAD":
            self.drop(answer)
        return answer

    def answer(self) -> Answer:
        """The head of the next answer."""
        while (end := self._read.find(b"\r\n\r\n")) < 0:
            self._read += self._some()
        first, *lines = self._read[:end].decode("latin-1").split("\r\n")
        del self._read[: end + 4]
        fields = (line.partition(":") for line in lines)
        return Answer(status=int(first.split(" ")[1]), headers={n.lower(): v.strip() for n, _, v in fields})

    def drop(self, answer: Answer) -> int:
        """Throw the answer's body away, in the kernel if it can be; its length."""
        length = int(answer.headers.get("content-length", "0"))
        left = length - len(self._read[:length])
        del self._read[:length]
        while left:
            left -= self._discard(left)
        return length

    def _discard(self, left: int) -> int:
        most = min(left, len(_SCRATCH))
        if (count := self.sock.recv_into(_SCRATCH, most, socket.MSG_TRUNC | socket.MSG_WAITALL)) == 0:
            raise EOFError("the server closed the connection")
        return count

    def _some(self) -> bytes:
        if not (data := self.sock.recv(65536)):
            raise EOFError("the server closed the connection")
        return data


_SCRATCH = bytearray(4 * 1024 * 1024)


def create(url: str, length: int, headers: Mapping[str, str] | None = None) -> str:
    """A new upload's URL."""
    with Client(url) as client:
        answer = client.ask("POST", url, {**TUS, "Upload-Length": str(length), **(headers or {})}, 0)
    if answer.status != 201:  # noqa: PLR2004
        raise LoadError(f"POST was answered {answer.status}")
    return absolute(url, answer.headers["location"])


def absolute(url: str, location: str) -> str:
    """Where `location` is; always on the server that was asked, whatever name it has for itself."""
    parts = urlsplit(url)
    return f"http://{parts.netloc}{target(location)}"
