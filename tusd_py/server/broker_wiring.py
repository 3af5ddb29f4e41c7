"""The assembly of brokers from the addresses of sinks. A library that is an extra is imported only if it is needed."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from tusd_py.events_out.sinks.broker import Broker
from tusd_py.server.extras import importing


async def open_broker(scheme: str, url: str, state_url: str) -> Broker:
    """Return the broker at an address of a sink. With the schemes `redis:` (a stream in the state's Redis),
    `sqs:` and `sns:`, each given with its colon, `url` is the text after the scheme; with all other
    schemes, given without a colon, the whole address. `state_url` is the URL of the state's Redis; empty if
    the state isn't in Redis.

    Raises ConfigurationError.
    """
    match scheme:
        case "redis:":
            return _redis(state_url, url)
        case "redis" | "rediss":
            return _redis(*_split(url))
        case "sqs:" | "sns:":
            return await _aws(scheme, url)
        case "nats" | "tls":
            return _nats(*_split(url))
    return _amqp(*_split(url))


def _split(url: str) -> tuple[str, str]:
    """Return the URL without the last part of its path, and that part with its percent-encoding decoded."""
    split = urlsplit(url)
    path, _, name = split.path.rstrip("/").rpartition("/")
    return split._replace(path=path or "/").geturl(), unquote(name)


def _redis(url: str, stream: str) -> Broker:
    from tusd_py.events_out.sinks.redis_stream import RedisStream  # noqa: PLC0415  only if needed

    return RedisStream(url, stream)


async def _aws(scheme: str, place: str) -> Broker:
    from tusd_py.events_out.sinks.aws import SnsTopic, SqsQueue  # noqa: PLC0415  only if needed

    return await (SqsQueue.open(place) if scheme == "sqs:" else SnsTopic.open(place))


def _nats(url: str, subject: str) -> Broker:
    with importing("nats", "nats", "events-to"):
        from tusd_py.events_out.sinks.nats_stream import NatsSubject  # noqa: PLC0415  an extra

    return NatsSubject(url, subject)


def _amqp(url: str, exchange: str) -> Broker:
    with importing("amqp", "aio_pika", "events-to"):
        from tusd_py.events_out.sinks.amqp_exchange import AmqpExchange  # noqa: PLC0415  an extra

    return AmqpExchange(url, exchange)
