"""The bus of a state in Redis or Valkey: a message tells of one or several changes of an upload, on a channel for each
upload."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.exceptions import RedisError

from tusd_py.domain.upload_id import UploadId
from tusd_py.subscription import next_message
from tusd_py.tasks import end

_RECONNECT_SECONDS = 0.2
_PATIENCE = 2.0
"""The most seconds that `listening` waits for the subscription before it enters its context."""


class RedisBus:
    """A `Bus` on Pub/Sub channels of Redis, each named by the prefix `channel` and an upload's id. `aclose` also closes
    the Redis client."""

    def __init__(self, redis: Any, channel: str) -> None:
        """`redis` is an asynchronous client of redis-py; it is `Any`, as the stubs also cover blocking clients.
        `channel` is the beginning of the channels' names."""
        self._redis, self._channel = redis, channel
        self._unsent = dict[UploadId, None]()
        """The ids of the uploads to announce, in order; the values mean nothing."""
        self._sender: asyncio.Task[None] | None = None

    def publish(self, upload_id: UploadId) -> None:
        self._unsent[upload_id] = None
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send(), name="redis bus")

    async def _send(self) -> None:
        """Send all waiting announcements. While Redis is unreachable, they are dropped: hubs read the record of each
        upload with listeners again within seconds."""
        while self._unsent:
            upload_ids, self._unsent = list(self._unsent), {}
            with suppress(RedisError, OSError):
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for upload_id in upload_ids:
                        pipeline.publish(self._channel + upload_id, "")
                    await pipeline.execute()

    @asynccontextmanager
    async def listening(self, notify: Callable[[UploadId | None], None]) -> AsyncIterator[None]:
        subscribed = asyncio.Event()
        task = asyncio.create_task(self._listen(notify, subscribed), name="redis bus listener")
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await subscribed.wait()
            yield
        finally:
            await end(task)

    async def aclose(self) -> None:
        await end(self._sender)
        await self._redis.aclose()

    async def _listen(self, notify: Callable[[UploadId | None], None], subscribed: asyncio.Event) -> None:
        while True:
            with suppress(RedisError, OSError, UnicodeDecodeError):  # other clients may send any bytes
                async with self._redis.pubsub(ignore_subscribe_messages=False) as messages:
                    await messages.psubscribe(f"{self._channel}*")
                    while True:
                        self._handle(await next_message(messages), notify, subscribed)
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _handle(
        self, message: Mapping[str, Any], notify: Callable[[UploadId | None], None], subscribed: asyncio.Event
    ) -> None:
        """Call `notify` with the upload that an announcement names. Once Redis answers that the bus has subscribed, set
        `subscribed` and call `notify` with None, as announcements may have been missed before. Other messages do
        nothing."""
        if message["type"] == "pmessage":
            notify(UploadId(message["channel"].removeprefix(self._channel)))
        elif message["type"] == "psubscribe":
            subscribed.set()
            notify(None)
