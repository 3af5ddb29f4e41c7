"""Sinks that are exchanges of RabbitMQ (AMQP 0-9-1)."""

from __future__ import annotations

import asyncio

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aiormq.exceptions import AMQPError, ChannelInvalidStateError

from tusd_py.events_out.formats.facts import Message
from tusd_py.events_out.sinks.broker import attributes
from tusd_py.ports.outbox import Delivery

_SECONDS = 5
"""The timeout of connecting, in seconds."""


class AmqpExchange:
    """A `Broker` that publishes to an exchange, which must exist. Routing keys are `upload.created`, `upload.finished`
    and so on; the attempt at an event that no queue takes fails.
    """

    errors = (AMQPError, ChannelInvalidStateError, OSError)

    def __init__(self, url: str, exchange: str) -> None:
        """Open no connection yet: the first `send` does."""
        self._url, self._name = url, exchange
        self._connecting = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None

    async def send(self, message: Message, delivery: Delivery) -> None:
        exchange = await self._exchange()
        letter = aio_pika.Message(
            message.body,
            message_id=delivery.event_id,
            type=message.name,
            content_type=message.content_type,
            headers=dict(attributes(message, delivery)),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await exchange.publish(letter, f"upload.{delivery.type}", mandatory=True)

    async def aclose(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _exchange(self) -> AbstractExchange:
        """Return the exchange on an open channel with publisher confirms; connects if there is none. Raises AMQPError,
        also if the exchange doesn't exist, ChannelInvalidStateError (the channel closed meanwhile), and OSError.
        """
        async with self._connecting:
            if self._channel is None or self._channel.is_closed:
                await self.aclose()
                self._connection = await aio_pika.connect(self._url, timeout=_SECONDS)
                self._channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
            return await self._channel.get_exchange(self._name, ensure=True)
