"""A client for Redis or Valkey: bounded time and connections, one retry, one kind of error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tusd_py.domain.errors import ConfigurationError, StateFull, StateUnavailable

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0
_CONNECTIONS = 64
_POOL_SECONDS = 10.0
"""Seconds that a call waits for a free connection before it fails."""
_RETRY_ON = (RedisConnectionError, RedisTimeoutError, ReadOnlyError)
"""Errors to retry on a new connection: the server restarted, or its name refers to another primary now."""

_OUT_OF_MEMORY = "OOM command not allowed"
"""The text in a script's error by which Redis 6 reports that memory is full."""


class _Client(Redis):
    """A client whose `aclose` raises no error of Redis, nor of the network: over TLS, the library waits for the peer,
    and takes an unanswered close of one connection for a failure. The others are closed all the same.
    """

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 (the library's)
        with suppress(RedisError, OSError):
            await super().aclose(close_connection_pool)


def connect(url: str) -> Redis:
    """Return a client for `redis://`, `rediss://` or `unix://` that connects when first used.

    A command without an answer is sent a second time, so every command must be idempotent. Raises ConfigurationError
    for a malformed host or port, another scheme, or a wrong option in the URL's query.
    """
    name = public_name(url)
    try:
        return _Client.from_pool(_pool(url))
    except (ValueError, TypeError, RedisError) as error:
        raise ConfigurationError(f"not the URL of a Redis: {name} ({error})") from error


def public_name(url: str) -> str:
    """Return the URL without its credentials, query and fragment. Raises ConfigurationError for a malformed host or
    port, but for no other error in the URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        # neither the URL nor the error is told: what was taken for a port may be a piece of the password
        hint = "percent-encode / ? # [ @ in user and password"
        raise ConfigurationError(f"not the URL of a Redis: wrong host or port ({hint})") from None
    _, _, place = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{place}{parts.path}"


def _pool(url: str) -> BlockingConnectionPool:
    """Return a pool of connections. Raises ValueError, TypeError, RedisError for a wrong scheme or option."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=_POOL_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        health_check_interval=30,
        decode_responses=True,
        retry=Retry(ConstantBackoff(0.05), 1, supported_errors=_RETRY_ON),
    )
    pool.connection_class(**pool.connection_kwargs)  # validates the options now, not at the first use
    return pool


@contextmanager
def unavailable_on_error() -> Iterator[None]:
    """Raise RedisError and OSError within the context as StateUnavailable, or as StateFull if Redis has refused a
    command since its memory is full."""
    try:
        yield
    except (RedisError, OSError) as error:
        full = isinstance(error, OutOfMemoryError) or _OUT_OF_MEMORY in str(error)
        kind = StateFull if full else StateUnavailable
        raise kind(f"Redis: {error}") from error
