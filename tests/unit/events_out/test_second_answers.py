"""A receiver that answers a call twice: the second answer isn't taken for that of the next call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.deliveries import READER, delivery
from tests.support.twice import Twice
from tusd_py.events_out.formats import FORMATS
from tusd_py.events_out.hooks.http import HttpCaller
from tusd_py.events_out.signing import Signer
from tusd_py.events_out.sinks.hook import HookSink
from tusd_py.ports.sink import DeliveryFailed

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_BAD = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def sink_to(receiver: Twice) -> AsyncIterator[HookSink]:
    async with receiver.running():
        sink = HookSink(HttpCaller(receiver.url, Signer([])), READER, FORMATS["tusd"], 10.0)
        yield sink
        await sink.aclose()


@pytest.mark.parametrize("late", [False, True], ids=["at-once", "on-the-idle-connection"])
async def test_a_second_answer_is_not_taken_for_the_next_calls(late: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    receiver = Twice(_OK, _BAD)
    async with sink_to(receiver) as sink:
        if not late:
            receiver.again.set()
        await sink.publish(delivery())
        await receiver.answer_again()
        with pytest.raises(DeliveryFailed):
            await sink.publish(delivery(2))
        with pytest.raises(DeliveryFailed, match="HTTP 500"):
            await sink.publish(delivery(2))
