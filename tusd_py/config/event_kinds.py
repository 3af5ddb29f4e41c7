"""The types of the settings of hooks and events."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from tusd_py.config.kinds import expects, one_of, or_none, split_words
from tusd_py.config.places import is_bucket
from tusd_py.config.units import parse_duration
from tusd_py.domain.events import UPLOAD_TYPES, EventType

QUESTIONS = ("pre-access", "pre-create", "pre-finish", "pre-terminate")
EVENT_HOOKS = ("post-create", "post-finish", "post-terminate", "post-expire", "post-lost")
PROGRESS = "post-receive"
HOOKS = (*QUESTIONS, *EVENT_HOOKS, PROGRESS)

_SCHEMES = frozenset({"http", "https", "nats", "tls", "amqp", "amqps", "redis", "rediss"})
"""The schemes of sinks' addresses that are URLs. NATS and RabbitMQ use TLS with `tls` and `amqps`."""
_STREAM = re.compile(r"[!-~]{1,128}")
_TOPIC = re.compile(r"arn:[\w-]+:sns:[\w-]+:\d{12}:[\w.-]{1,256}", re.ASCII)
_SECRET = re.compile(r"whsec_([A-Za-z0-9+/]+={0,2})", re.ASCII)
_KEY_BYTES = range(24, 65)
"""The lengths in bytes of a secret, once decoded from base64 (Standard Webhooks 1.0.0, "Symmetric")."""
_MOST_SECRETS = 2
_UNITS = (("h", 3_600), ("m", 60))


@dataclass(frozen=True, slots=True)
class SinkAddress:
    """The address of a sink, which receives events."""

    scheme: str
    """The scheme in lower case; `redis:`, `sqs:` and `sns:`, with the colon, for addresses such as `redis:stream`,
    which is no URL as `redis://…` is."""
    url: SecretStr
    """The text after the colon if the scheme is `redis:`, `sqs:` or `sns:`; else the whole address, as `redis://…`."""

    def __str__(self) -> str:
        """Return the address without user, password, query and fragment: the sink's name."""
        prefix = self.scheme if self.scheme.endswith(":") else ""
        return f"{prefix}{_public(self.url.get_secret_value())}"


def read_address(value: str) -> SinkAddress:
    """Parse the address of a sink, such as `https://…`, `redis:STREAM` or `sqs:URL`. Raises ValueError."""
    scheme, _, place = value.partition(":")
    match scheme.lower():
        case "redis" if not place.startswith("//"):
            return _checked("redis:", place, _STREAM.fullmatch(place))
        case "sqs":
            return _checked("sqs:", place, _is_url(place, {"http", "https"}) and urlsplit(place).path.strip("/"))
        case "sns":
            return _checked("sns:", place, _TOPIC.fullmatch(place))
        case ("http" | "https") as http:
            return _checked(http, value, _is_url(value, {http}))
        case known if known in _SCHEMES:
            return _checked(known, value, _is_url(value, {known}) and urlsplit(value).path.strip("/"))
    raise ValueError(value)


def read_addresses(value: str | Iterable[Any]) -> tuple[SinkAddress, ...]:
    """Return the addresses of sinks in a list, or in a text with commas between them. Raises ValueError for a malformed
    one, or if two sinks would have one name."""
    words = split_words(value) if isinstance(value, str) else tuple(value)
    addresses = tuple(word if isinstance(word, SinkAddress) else read_address(word) for word in words)
    if len({str(address) for address in addresses}) < len(addresses):
        raise ValueError(value)
    return addresses


def read_hook_url(value: str | SecretStr) -> SecretStr:
    url = value if isinstance(value, SecretStr) else SecretStr(value)
    _require(_is_url(url.get_secret_value(), {"http", "https"}))
    return url


def read_secrets(value: str | Iterable[str | SecretStr]) -> tuple[SecretStr, ...]:
    """Return at most two secrets; in text, blanks or commas are between them. Raises ValueError for more, or unless
    each is `whsec_` and 24 to 64 bytes in base64.
    """
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    secrets = tuple(word if isinstance(word, SecretStr) else SecretStr(word) for word in words)
    _require(len(secrets) <= _MOST_SECRETS and all(_is_secret(secret.get_secret_value()) for secret in secrets))
    return secrets


def read_hook_names(value: str | Iterable[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(map(str.lower, split_words(value))))
    _require(set(names) <= set(HOOKS))
    return names


def read_event_types(value: str | Iterable[str]) -> tuple[EventType, ...]:
    types = tuple(EventType(name.lower()) for name in dict.fromkeys(split_words(value)))
    _require(set(types) <= set(UPLOAD_TYPES))
    return types


class Pause(float):
    """A pause in seconds; `str` writes it in hours if it is a whole number of them, else in minutes if of these, else,
    as for 0, in seconds: `2h`, `5m`, `1.5s`, `0s`."""

    def __str__(self) -> str:
        fitting = [(unit, seconds) for unit, seconds in _UNITS if self and not self % seconds]
        unit, seconds = next(iter(fitting), ("s", 1))
        return f"{self / seconds:g}{unit}"


def read_schedule(value: str | Iterable[object]) -> tuple[Pause, ...]:
    words = split_words(value) if isinstance(value, str) else value
    pauses = tuple(Pause(parse_duration(str(word))) for word in words)
    _require(bool(pauses))
    return pauses


def read_folder(value: object) -> Path:
    _require(bool(str(value)))
    return Path(str(value))


def _public(url: str) -> str:
    """Return a URL without its user, password, query and fragment; other text as it is."""
    if "://" not in url:
        return url
    split = urlsplit(url)
    return split._replace(netloc=split.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _is_url(url: str, schemes: Iterable[str]) -> bool:
    split = urlsplit(url)
    _ = split.port  # raises ValueError for what isn't a port
    return split.scheme in schemes and bool(split.hostname) and re.search(r"\s", url) is None


def _is_secret(text: str) -> bool:
    match = _SECRET.fullmatch(text)
    return match is not None and len(b64decode(match[1], validate=True)) in _KEY_BYTES


def _checked(scheme: str, url: str, fits: object) -> SinkAddress:
    _require(bool(fits))
    return SinkAddress(scheme, SecretStr(url))


def _require(fits: bool) -> None:  # noqa: FBT001  the condition is all
    if not fits:
        raise ValueError


def read_buckets(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of buckets in a list, or in a text with commas between them, each once. Raises ValueError for a
    name that no bucket can have."""
    names = tuple(dict.fromkeys(split_words(value)))
    if not all(map(is_bucket, names)):
        raise ValueError(value)
    return names


def _unsupported(value: object) -> None:
    raise ValueError(value)


HookUrl = Annotated[SecretStr | None, expects("an http:// or https:// URL, or none", or_none(read_hook_url))]
HookFolder = Annotated[Path | None, expects("a folder, or none", or_none(read_folder))]
HookObject = Annotated[
    str | None,
    expects(
        "module:name, or none",
        or_none(lambda value: re.fullmatch(r"[^\W\d][\w.]*:[^\W\d]\w*", value)[0]),
    ),
]
BucketNames = Annotated[tuple[str, ...], expects("names of buckets with commas between them", read_buckets)]
HookNames = Annotated[tuple[str, ...], expects(f"some of {', '.join(HOOKS)}", read_hook_names)]
HookOrder = Annotated[Literal["skip", "strict"], one_of("skip", "strict")]
Unsupported = Annotated[None, expects("none: use hooks-http, hooks-dir or hooks-python instead", or_none(_unsupported))]
Secrets = Annotated[
    tuple[SecretStr, ...], expects("one or two secrets such as whsec_… with 24 to 64 bytes in base64", read_secrets)
]
SinkAddresses = Annotated[
    tuple[SinkAddress, ...],
    expects(
        "addresses that differ not only in user or query, such as https://…, redis:stream, redis://…/stream, sqs:URL, "
        "sns:ARN, nats://…/subject, amqp://…/exchange",
        read_addresses,
    ),
]
EventFormat = Annotated[
    Literal["cloudevents", "cloudevents-binary", "tusd", "s3"],
    one_of("cloudevents", "cloudevents-binary", "tusd", "s3"),
]
EventTypes = Annotated[tuple[EventType, ...], expects(f"some of {', '.join(UPLOAD_TYPES)}", read_event_types)]
Schedule = Annotated[tuple[Pause, ...], expects("durations with commas between them, such as 0s,5s,5m", read_schedule)]
