"""Sinks that send to a broker, which keeps the events for its consumers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from tusd_py.events_out.facts_reader import FactsReader
from tusd_py.events_out.formats import Format
from tusd_py.events_out.formats.facts import Message
from tusd_py.events_out.hooks.call import TIMEOUT
from tusd_py.ports.outbox import Delivery
from tusd_py.ports.sink import DeliveryFailed


class Broker(Protocol):
    """A client that sends messages to one place at a broker: a stream, subject, exchange, queue or topic."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """The types of the errors with which `send` fails; the next attempt may succeed."""

    async def send(self, message: Message, delivery: Delivery) -> None:
        """Send the message; return once the broker has confirmed it. Raises an error of one of the types in
        `Broker.errors`.
        """

    async def aclose(self) -> None:
        """Close the connections."""


class BrokerSink:
    """A sink that sends events to a broker; an event that the format can't express is skipped."""

    def __init__(self, broker: Broker, reader: FactsReader, form: Format, seconds: float) -> None:
        """Send messages in the format `form` to the broker; `reader` returns the facts that they are made of, and
        `seconds` is the time for one attempt."""
        self._broker, self._reader, self._format, self._seconds = broker, reader, form, seconds

    async def publish(self, delivery: Delivery) -> None:
        message = self._format(self._reader.read(delivery))
        if message is None:
            return
        try:
            async with asyncio.timeout(self._seconds):
                await self._broker.send(message, delivery)
        except TimeoutError as error:
            raise DeliveryFailed(TIMEOUT) from error
        except self._broker.errors as error:
            raise DeliveryFailed(_reason(error)) from error

    async def aclose(self) -> None:
        await self._broker.aclose()


def _reason(error: Exception) -> str:
    """Return the name of the error's type or, for an error response of AWS, its code; not the error's text, which may
    hold an address."""
    answer = getattr(error, "response", None)
    code = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
    return str(code or type(error).__name__)


def attributes(message: Message, delivery: Delivery) -> Mapping[str, str]:
    """Return the attributes of a message, which consumers can read without its body: the format's header fields or, if
    the format has none, `id`, `type` and `content-type`.
    """
    return message.headers or {"id": delivery.event_id, "type": message.name, "content-type": message.content_type}
