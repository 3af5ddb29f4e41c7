"""One way to talk to Redis or Valkey: bounded in time and connections, one repeat, one kind of trouble."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from yarl import URL

from tusd_py.domain.errors import ConfigurationError, StateFull, StateUnavailable

PREFIX = "tusd-py:"
"""All keys and channels begin with it where no other is chosen."""
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0
_CONNECTIONS = 64
_TURN_SECONDS = 10.0
"""How long a call waits for one of the connections, when all are busy."""
_REPEAT_ON = (RedisConnectionError, RedisTimeoutError, ReadOnlyError)
"""What a fresh connection may mend: a server that restarted, or is no longer the primary behind its name."""

_OUT_OF_MEMORY = "OOM command not allowed"
"""What Redis 6 says in the middle of another error, where a script meets it."""


def connect(url: str) -> Redis:
    """A client for `redis://`, `rediss://` or `unix://` that connects when first used.

    It sends a command a second time if the first got no answer, so every command must bear being applied twice.
    Raises: ConfigurationError for a URL that can't be one.
    """
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=_TURN_SECONDS,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            health_check_interval=30,
            decode_responses=True,
            retry=Retry(ConstantBackoff(0.05), 1, supported_errors=_REPEAT_ON),
        )
        pool.connection_class(**pool.connection_kwargs)  # which it makes when first used, and where options are judged
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"not the URL of a Redis: {public_name(url)} ({error})") from error
    return Redis.from_pool(pool)


def public_name(url: str) -> str:
    """The URL without its secrets."""
    return str(URL(url).with_user(None).with_query(None))


@contextmanager
def unavailable_on_trouble() -> Iterator[None]:
    """Whatever goes wrong with Redis is StateUnavailable."""
    try:
        yield
    except (RedisError, OSError) as error:
        full = isinstance(error, OutOfMemoryError) or _OUT_OF_MEMORY in str(error)
        kind = StateFull if full else StateUnavailable
        raise kind(f"Redis: {error}") from error
