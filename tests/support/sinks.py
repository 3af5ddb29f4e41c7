"""A sink of each kind, each with a receiver that can be made to refuse: a real one, but moto in place of SQS and
SNS."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import nats
import pytest
from aiobotocore.session import get_session
from redis.asyncio import Redis
from yarl import URL

from devtools.nats import NatsServer
from devtools.rabbitmq import RabbitServer
from tests.support.deliveries import READER
from tests.support.receiver import receiving
from tests.support.valve import Valve
from tusd_py.events_out.formats import FORMATS
from tusd_py.events_out.hooks.command import CommandCaller
from tusd_py.events_out.hooks.http import HttpCaller
from tusd_py.events_out.hooks.python import PythonCaller
from tusd_py.events_out.signing import Signer
from tusd_py.events_out.sinks.amqp_exchange import AmqpExchange
from tusd_py.events_out.sinks.aws import SnsTopic, SqsQueue
from tusd_py.events_out.sinks.broker import Broker, BrokerSink
from tusd_py.events_out.sinks.hook import HookSink
from tusd_py.events_out.sinks.nats_stream import NatsSubject
from tusd_py.events_out.sinks.redis_stream import RedisStream
from tusd_py.ports.observer import Observer
from tusd_py.ports.sink import Sink

SECONDS = 10.0
"""Seconds that one attempt at a delivery may take."""
AWS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True, kw_only=True)
class SinkBench:
    """A sink and its receiver."""

    sink: Sink
    bodies: Callable[[], Awaitable[Sequence[Any]]]
    """A function that returns all bodies that the receiver has got so far, in order, as parsed JSON (of a Python hook:
    what it was called with)."""
    refuse: Callable[[], None]
    accept: Callable[[], None]
    drops_repeated: bool = False
    """True if the receiver drops an event that comes again."""


def _broker(broker: Broker) -> Sink:
    return BrokerSink(broker, READER, FORMATS["tusd"], SECONDS)


@asynccontextmanager
async def _http(_: pytest.FixtureRequest) -> AsyncIterator[SinkBench]:
    async with receiving() as receiver, Valve(URL(receiver.url).port or 0) as valve:

        async def bodies() -> Sequence[Any]:
            return [arrival.json for arrival in receiver.arrivals]

        caller = HttpCaller(f"{valve.origin}/hook", Signer())
        yield SinkBench(sink=_hook(caller), bodies=bodies, refuse=valve.refuse, accept=valve.open)


def _hook(caller: Any) -> Sink:
    return HookSink(caller, READER, FORMATS["tusd"], SECONDS)


@asynccontextmanager
async def _command(request: pytest.FixtureRequest) -> AsyncIterator[SinkBench]:
    folder: Path = request.getfixturevalue("tmp_path")
    command, out = folder / "post-finish", folder / "out"
    out.touch()

    async def bodies() -> Sequence[Any]:
        return [json.loads(line) for line in out.read_text().splitlines()]

    def accept() -> None:
        command.write_text(f'#!/bin/sh\nbody=$(cat)\necho "$body" >> {out}\n')
        command.chmod(0o755)

    def refuse() -> None:
        command.write_text("#!/bin/sh\nexit 3\n")

    accept()
    yield SinkBench(sink=_hook(CommandCaller(folder, 4, {})), bodies=bodies, refuse=refuse, accept=accept)


class _Hooks:
    def __init__(self) -> None:
        self.calls, self.fails = list[Any](), False

    def post_finish(self, call: Mapping[str, Any]) -> None:
        if self.fails:
            raise RuntimeError
        self.calls.append(call)


@asynccontextmanager
async def _python(_: pytest.FixtureRequest) -> AsyncIterator[SinkBench]:
    hooks = _Hooks()

    async def bodies() -> Sequence[Any]:
        return hooks.calls

    def fail(fails: bool) -> None:  # noqa: FBT001
        hooks.fails = fails

    sink = _hook(PythonCaller(hooks, Observer()))
    yield SinkBench(sink=sink, bodies=bodies, refuse=lambda: fail(True), accept=lambda: fail(False))


@asynccontextmanager
async def _redis(request: pytest.FixtureRequest) -> AsyncIterator[SinkBench]:
    url = request.getfixturevalue("redis_url")
    async with Valve(URL(url).port or 0) as valve, Redis.from_url(url) as redis:

        async def bodies() -> Sequence[Any]:
            entries: Any = await redis.xrange("events")
            return [json.loads(fields[b"data"]) for _, fields in entries]

        sink = _broker(RedisStream(f"redis://127.0.0.1:{valve.port}/0", "events"))
        yield SinkBench(sink=sink, bodies=bodies, refuse=valve.refuse, accept=valve.open)


@asynccontextmanager
async def _aws(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Valve, Any, Any]]:
    """A relay to moto that can be closed, and clients of SQS and SNS that reach moto directly. In the environment are
    credentials, and the relay as the endpoint of SNS."""
    endpoint = request.getfixturevalue("moto_endpoint")
    monkeypatch = request.getfixturevalue("monkeypatch")
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    session = get_session()
    async with (
        Valve(URL(endpoint).port or 0) as valve,
        session.create_client("sqs", endpoint_url=endpoint) as sqs,
        session.create_client("sns", endpoint_url=endpoint) as sns,
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", valve.origin)
        yield valve, sqs, sns


async def _received(sqs: Any, queue: str, *, bodies: list[Any]) -> Sequence[Any]:
    while messages := (await sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)).get("Messages"):
        for message in messages:
            bodies.append(json.loads(message["Body"]))
            await sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return bodies


async def _queue(sqs: Any, fifo: bool) -> str:  # noqa: FBT001
    name = f"queue-{uuid4().hex}{'.fifo' if fifo else ''}"
    reply = await sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if fifo else {})
    return str(reply["QueueUrl"])


def _sqs(fifo: bool) -> Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[SinkBench]]:  # noqa: FBT001
    @asynccontextmanager
    async def bench(request: pytest.FixtureRequest) -> AsyncIterator[SinkBench]:
        async with _aws(request) as (valve, sqs, _):
            queue = await _queue(sqs, fifo)
            messages = list[Any]()
            yield SinkBench(
                sink=_broker(await SqsQueue.open(f"{valve.origin}{URL(queue).path}")),
                bodies=lambda: _received(sqs, queue, bodies=messages),
                refuse=valve.refuse,
                accept=valve.open,
                drops_repeated=fifo,
            )

    return bench


@asynccontextmanager
async def _sns(request: pytest.FixtureRequest) -> AsyncIterator[SinkBench]:
    async with _aws(request) as (valve, sqs, sns):
        queue = await _queue(sqs, fifo=False)
        topic = (await sns.create_topic(Name=f"topic-{uuid4().hex}"))["TopicArn"]
        arn = (await sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
        await sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        messages = list[Any]()
        yield SinkBench(
            sink=_broker(await SnsTopic.open(topic)),
            bodies=lambda: _received(sqs, queue, bodies=messages),
            refuse=valve.refuse,
            accept=valve.open,
        )


@asynccontextmanager
async def _nats(request: pytest.FixtureRequest) -> AsyncIterator[SinkBench]:
    server: NatsServer = request.getfixturevalue("nats_running")
    subject = f"uploads{uuid4().hex}"
    client = await nats.connect(server.url)
    stream = client.jetstream()
    await stream.add_stream(name=subject, subjects=[subject])

    async def bodies() -> Sequence[Any]:
        state = (await stream.stream_info(subject)).state
        messages = [await stream.get_msg(subject, number) for number in range(1, state.last_seq + 1)]
        return [json.loads(message.data or b"") for message in messages]

    async with Valve(server.port) as valve:
        sink = _broker(NatsSubject(f"nats://127.0.0.1:{valve.port}", subject))
        yield SinkBench(sink=sink, bodies=bodies, refuse=valve.refuse, accept=valve.open, drops_repeated=True)
    await client.close()


@asynccontextmanager
async def _amqp(request: pytest.FixtureRequest) -> AsyncIterator[SinkBench]:
    server: RabbitServer = request.getfixturevalue("rabbit_running")
    name = f"uploads{uuid4().hex}"
    async with await aio_pika.connect(server.url) as connection, Valve(server.port) as valve:
        channel = await connection.channel()
        exchange = await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC)
        queue = await channel.declare_queue(name)
        await queue.bind(exchange, "upload.finished")
        messages = list[Any]()

        async def bodies() -> Sequence[Any]:
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                messages.append(json.loads(message.body))
            return messages

        sink = _broker(AmqpExchange(f"amqp://guest:guest@127.0.0.1:{valve.port}/", name))
        yield SinkBench(sink=sink, bodies=bodies, refuse=valve.refuse, accept=valve.open)


SINKS: Mapping[str, Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[SinkBench]]] = {
    "http": _http,
    "command": _command,
    "python": _python,
    "redis": _redis,
    "sqs": _sqs(fifo=False),
    "sqs in order": _sqs(fifo=True),
    "sns": _sns,
    "nats": _nats,
    "amqp": _amqp,
}
