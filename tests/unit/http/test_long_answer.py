"""A response that goes on after its handler has returned: it is blocked while sent bytes wait for the client, and a
client that takes none of them in time is cut off."""

from __future__ import annotations

import asyncio
import math
from typing import cast

import pytest

from tusd_py.http.connection.long_answer import LongAnswer


class Pipe:
    """A transport to a client that takes bytes at once; if `takes` is False, only by `take`."""

    def __init__(self) -> None:
        self.taken_bytes, self.waiting = b"", b""
        self.takes = True
        self.closing = self.aborted = False
        self.limit: int | None = None

    def set_protocol(self, _: asyncio.BaseProtocol) -> None:
        """Ignore the protocol: tests call its methods."""

    def set_write_buffer_limits(self, high: int) -> None:
        self.limit = high

    def resume_reading(self) -> None:
        """Do nothing: reading never pauses."""

    def write(self, data: bytes) -> None:
        assert not self.closing
        self.waiting += data
        if self.takes:
            self.take(len(self.waiting))

    def take(self, count: int) -> None:
        self.taken_bytes, self.waiting = self.taken_bytes + self.waiting[:count], self.waiting[count:]

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        assert not self.closing, "over TLS, a second time leaves nothing to ask"
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


def answering(pipe: Pipe, *, chunked: bool = True) -> LongAnswer:
    return LongAnswer(cast(asyncio.Transport, pipe), chunked=chunked)


@pytest.mark.parametrize(
    ("chunked", "body"), [(True, b"b\r\nhello world\r\n1\r\n!\r\n0\r\n\r\n"), (False, b"hello world!")]
)
async def test_the_body_is_sent_in_pieces_up_to_its_end(pipe: Pipe, *, chunked: bool, body: bytes) -> None:
    answer = answering(pipe, chunked=chunked)
    answer.send(b"hello world")
    answer.send(b"!")
    answer.end()
    assert (pipe.taken_bytes, pipe.closing, pipe.aborted) == (body, True, False)


async def test_after_the_end_nothing_is_sent(pipe: Pipe) -> None:
    answer = answering(pipe, chunked=True)
    for _ in range(2):
        answer.end()
    answer.send(b"more")
    assert pipe.taken_bytes == b"0\r\n\r\n"


async def test_it_is_blocked_while_bytes_wait(pipe: Pipe) -> None:
    answer, wakes = answering(pipe), list[bool]()
    answer.wake = lambda: wakes.append(answer.closed)
    assert (pipe.limit, answer.blocked) == (0, False)
    pipe.takes = False
    answer.send(b"x")
    assert answer.blocked
    pipe.take(100)
    answer.resume_writing()
    assert (answer.blocked, wakes) == (False, [False])
    answer.connection_lost(None)
    assert wakes == [False, True]
    answer.connection_lost(None)
    assert wakes == [False, True], "nothing of the listener is kept"


async def test_a_client_that_takes_nothing_in_time_is_cut_off(pipe: Pipe) -> None:
    answer = answering(pipe)
    pipe.takes = False
    answer.send(b"a long piece")
    answer.check(math.inf)
    assert not pipe.aborted, "it has time"
    pipe.take(3)
    answer.check(0)
    assert not pipe.aborted, "it has taken some"
    answer.check(0)
    assert pipe.aborted


async def test_a_client_that_has_all_is_never_cut_off(pipe: Pipe) -> None:
    answer = answering(pipe)
    answer.send(b"a piece")
    for _ in range(2):
        answer.check(0)
    assert not pipe.aborted
