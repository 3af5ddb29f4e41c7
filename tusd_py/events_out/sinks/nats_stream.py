"""Sinks that are subjects of NATS JetStream."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client
from nats.errors import Error
from nats.js.errors import NoStreamResponseError

from tusd_py.events_out.formats.facts import Message
from tusd_py.events_out.sinks.broker import attributes
from tusd_py.ports.outbox import Delivery

_SECONDS = 5
"""The timeout of each step of connecting, in seconds."""


class NatsSubject:
    """A `Broker` that publishes to a NATS subject, for which a JetStream stream must exist. The stream drops an event
    that is sent again within the stream's duplicate window.
    """

    errors = (Error, NoStreamResponseError, OSError)

    def __init__(self, url: str, subject: str) -> None:
        """Open no connection yet: the first `send` does."""
        self._url, self._subject = url, subject
        self._connecting = asyncio.Lock()
        self._client: Client | None = None

    async def send(self, message: Message, delivery: Delivery) -> None:
        client = await self._connected()
        headers = {**attributes(message, delivery), "Nats-Msg-Id": delivery.event_id}
        await client.jetstream().publish(self._subject, message.body, headers=headers)

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _connected(self) -> Client:
        """Return a connected client: a new one at first, and after the connection was lost. The library could
        reconnect, but would hold messages for later meanwhile. Raises nats.errors.Error, or OSError.
        """
        async with self._connecting:
            if self._client is None or not self._client.is_connected:
                await self.aclose()
                self._client = Client()
                await self._connect(self._client)
            return self._client

    async def _connect(self, client: Client) -> None:
        try:
            await client.connect(
                self._url,
                connect_timeout=_SECONDS,
                allow_reconnect=False,
                max_reconnect_attempts=1,  # else 60 at first, 2 s apart, also without reconnecting
                reconnect_time_wait=0,
                error_cb=_ignore,
            )
        except BaseException:
            await self.aclose()
            raise


async def _ignore(_: Exception) -> None:
    """Do nothing with an error that the NATS library reports: the outbox records each failed attempt at an event."""
