"""Promises of every sink (`tusd_py/ports/sink.py`), with real receivers, but moto's in place of SQS and SNS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.support.deliveries import READER, delivery
from tests.support.sinks import SINKS, SinkBench
from tusd_py.domain.events import EventType
from tusd_py.events_out.formats import FORMATS
from tusd_py.ports.outbox import Delivery
from tusd_py.ports.sink import DeliveryFailed


@pytest.fixture(params=SINKS)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[SinkBench]:
    async with SINKS[request.param](request) as opened:
        yield opened
        await opened.sink.aclose()


def expected(published: Delivery) -> object:
    message = FORMATS["tusd"](READER.read(published))
    assert message is not None
    return json.loads(message.body)


async def test_what_is_published_has_arrived(bench: SinkBench) -> None:
    published = delivery(metadata={"filename": "Men\u00fc \uffff <&>.txt".encode(), "bytes": b"\xff"})
    await bench.sink.publish(published)
    assert await bench.bodies() == [expected(published)]


async def test_all_of_several_arrive_one_by_one(bench: SinkBench) -> None:
    several = [delivery(number) for number in range(1, 6)]
    for published in several:
        await bench.sink.publish(published)
    assert sorted(map(str, await bench.bodies())) == sorted(str(expected(published)) for published in several)


async def test_many_can_be_published_at_a_time(bench: SinkBench) -> None:
    several = [delivery(number) for number in range(1, 20)]
    await asyncio.gather(*(bench.sink.publish(published) for published in several))
    assert sorted(map(str, await bench.bodies())) == sorted(str(expected(published)) for published in several)


async def test_one_that_comes_again_is_dropped_by_receivers_that_can(bench: SinkBench) -> None:
    for _ in range(2):
        await bench.sink.publish(delivery())
    assert await bench.bodies() == [expected(delivery())] * (1 if bench.drops_repeated else 2)


async def test_a_failed_publication_can_be_repeated(bench: SinkBench) -> None:
    """A publication raises DeliveryFailed each time while the receiver can't take it; repeated once the receiver
    accepts again, it arrives."""
    await bench.sink.publish(delivery(1))
    bench.refuse()
    for _ in range(2):
        with pytest.raises(DeliveryFailed) as failure:
            await bench.sink.publish(delivery(2))
        assert 0 < len(str(failure.value)) < 40
        assert not failure.value.unsubscribed
    bench.accept()
    await bench.sink.publish(delivery(2))
    assert [body["Event"]["Upload"]["ID"] for body in await bench.bodies()] == [f"{1:032x}", f"{2:032x}"]


async def test_a_receiver_that_is_not_there_at_first_is_found_later(bench: SinkBench) -> None:
    bench.refuse()
    with pytest.raises(DeliveryFailed):
        await bench.sink.publish(delivery())
    bench.accept()
    await bench.sink.publish(delivery())
    assert await bench.bodies() == [expected(delivery())]


async def test_what_the_format_has_no_words_for_is_done_without_a_word(bench: SinkBench) -> None:
    bench.refuse()
    await bench.sink.publish(delivery(kind=EventType.ROLLED_BACK))
    bench.accept()
    assert await bench.bodies() == []
