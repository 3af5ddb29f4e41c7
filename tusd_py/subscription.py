"""Messages of a subscription in Redis or Valkey, from a connection that is known to live."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

SILENCE_SECONDS = 5.0
"""Seconds without a message after which Redis is sent a PING."""
ANSWER_SECONDS = 2.0
"""Seconds within which Redis has to answer the PING that follows `SILENCE_SECONDS` without a message."""


async def next_message(messages: Any) -> Mapping[str, Any]:
    """Return the next message. It may carry nothing published, as the answer to SUBSCRIBE or PING does.

    `messages` is a PubSub of redis-py that ignores no kind of message; it is `Any`, as the stubs also cover blocking
    clients. Raises redis-py's errors, UnicodeDecodeError if the client decodes messages and one isn't UTF-8, and
    TimeoutError if Redis doesn't answer a PING: redis-py sends PINGs, too, but doesn't notice a missing answer, so that
    a connection whose peer is gone would stay in use until the kernel gives it up, a quarter of an hour later.
    """
    message = await messages.get_message(timeout=SILENCE_SECONDS)
    if message is None:
        async with asyncio.timeout(ANSWER_SECONDS):
            await messages.ping()
            while message is None:
                message = await messages.get_message(timeout=ANSWER_SECONDS)
    return dict(message)
