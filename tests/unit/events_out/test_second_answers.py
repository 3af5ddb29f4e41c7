"""A receiver that answers a call twice: the second answer is no answer to the next call."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.support.deliveries import READER, delivery
from tusd_py.events_out.formats import FORMATS
from tusd_py.events_out.hooks.http import HttpCaller
from tusd_py.events_out.signing import Signer
from tusd_py.events_out.sinks.hook import HookSink
from tusd_py.ports.sink import DeliveryFailed

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_BAD = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


class Twice:
    """Answers the first call with 200, and again once it is told to; all others with 500."""

    def __init__(self) -> None:
        self.again, self.written = asyncio.Event(), asyncio.Event()
        self._answers = iter((_OK,))

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await _read(reader)
                answer = next(self._answers, _BAD)
                writer.write(answer)
                if answer is _OK:
                    await self.again.wait()
                    writer.write(_OK)
                    await writer.drain()
                    self.written.set()
        writer.close()


async def _read(reader: StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    _, _, after = head.lower().partition(b"content-length:")
    await reader.readexactly(int(after.split(b"\r\n")[0]))


@asynccontextmanager
async def sink_to(receiver: Twice) -> AsyncIterator[HookSink]:
    async with await asyncio.start_server(receiver.serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        sink = HookSink(HttpCaller(url, Signer([])), READER, FORMATS["tusd"], 10.0)
        yield sink
        await sink.aclose()


@pytest.mark.parametrize("late", [False, True], ids=["at-once", "on-the-idle-connection"])
async def test_a_second_answer_is_not_taken_for_the_next_calls(late: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    receiver = Twice()
    async with sink_to(receiver) as sink:
        if not late:
            receiver.again.set()
        await sink.publish(delivery())
        receiver.again.set()
        await receiver.written.wait()
        await asyncio.sleep(0.05)  # both ends are of this loop: it has been read by then
        with pytest.raises(DeliveryFailed):
            await sink.publish(delivery(2))
        with pytest.raises(DeliveryFailed, match="HTTP 500"):
            await sink.publish(delivery(2))
