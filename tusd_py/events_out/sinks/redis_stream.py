"""Sinks that are streams of Redis or Valkey."""

from __future__ import annotations

from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tusd_py.domain.errors import ConfigurationError
from tusd_py.events_out.formats.facts import Message
from tusd_py.events_out.sinks.broker import attributes
from tusd_py.ports.outbox import Delivery

_SECONDS = 5.0
"""The timeout of connecting, and of the wait for an answer, in seconds."""


class RedisStream:
    """A `Broker` that appends to a stream. An entry has the message's attributes as fields, and its body in the field
    `data`. The stream isn't trimmed: only its consumers know which entries they have read.
    """

    errors = (RedisError, OSError)

    def __init__(self, url: str, stream: str) -> None:
        """Open no connection yet: the first `send` does. Raises ConfigurationError for a malformed URL."""
        try:
            self._redis = Redis.from_url(url, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS)
        except ValueError as error:
            raise ConfigurationError(f"events-to: not the URL of a Redis: {error}") from error
        self._stream = stream

    async def send(self, message: Message, delivery: Delivery) -> None:
        fields = {**attributes(message, delivery), "data": message.body}
        await self._redis.xadd(self._stream, fields)  # type: ignore[arg-type]  # the library's dict is invariant

    async def aclose(self) -> None:
        with suppress(*self.errors):  # over TLS, a close that the peer doesn't answer
            await self._redis.aclose()
