"""The types of settings' values. The error for a wrong value names, in one phrase, what the setting expects."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from tusd_py.config.addresses import Address, parse_address, parse_socket_path
from tusd_py.config.places import StatePlace, StoragePlace, parse_state, parse_storage
from tusd_py.config.units import Rate, parse_duration, parse_rate, parse_size
from tusd_py.domain.names import is_place, is_type_range
from tusd_py.storage.s3.options import PROFILES

NONE_WORDS = frozenset({"", "none", "never", "forever"})
"""The words that stand for None, where a setting may be None."""

Network = IPv4Network | IPv6Network
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
EVERYWHERE = ("0.0.0.0/0", "::/0")

_MODES = frozenset({0o600, 0o640, 0o644, 0o660, 0o664, 0o666})
_HOST = re.compile(r"[\w.*-]+|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_LISTEN_HOST = re.compile(r"[\w.:%-]+", re.ASCII)
_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_EXTENSION = re.compile(r"[^\s./\\*]+(?:\.[^\s./\\*]+)*")
_PATH = re.compile(r"/*(?:[\w.~-]+/+)*(?:[\w.~-]+)?", re.ASCII)
_OBJECT_KEY_FIELDS = frozenset({"id", "year", "month", "day", "hour", "filename"})
_MAX_TAGS, _LONGEST_TAG_KEY, _LONGEST_TAG_VALUE = 10, 128, 256
_HIGHEST_PORT = 65_535
_SWITCH = dict.fromkeys(("on", "true", "yes", "1"), True) | dict.fromkeys(("off", "false", "no", "0"), False)


def expects(phrase: str, read: Callable[[Any], object]) -> BeforeValidator:
    """Return a validator that returns what `read` makes of the value. If `read` raises ValueError, TypeError,
    AttributeError, LookupError or re.error, the validator raises ValueError with the message `expected {phrase}`."""

    def convert(value: object) -> object:
        try:
            return read(value)
        except (ValueError, TypeError, AttributeError, LookupError, re.error):
            raise ValueError(f"expected {phrase}") from None

    return BeforeValidator(convert)


def one_of(*words: str) -> BeforeValidator:
    """Return a validator that accepts one of `words`, ignoring case, and returns it as spelled in `words`."""
    by_lower_case = {word.lower(): word for word in words}
    return expects(f"one of {', '.join(words)}", lambda value: by_lower_case[value.lower()])


def or_none(read: Callable[[Any], object]) -> Callable[[Any], object]:
    """Return a reader that returns None for None, an empty text and the words none, never and forever, and leaves other
    values to `read`."""
    return lambda value: None if value is None or str(value).strip().lower() in NONE_WORDS else read(value)


def or_any(read: Callable[[Any], object]) -> Callable[[Any], object]:
    """Return a reader of a list that allows everything if it is empty: the reader returns () for None, an empty text
    and the words any, none, never and forever, and leaves other values to `read`.
    """
    return lambda value: () if str(value).strip().lower() in {*NONE_WORDS, "any"} else read(value)


def above_zero(read: Callable[[Any], float]) -> Callable[[Any], float]:
    return lambda value: read(value) or _refuse(value)


def within(low: float, high: float, read: Callable[[Any], float]) -> Callable[[Any], float]:
    return lambda value: number if low <= (number := read(value)) <= high else _refuse(value)


def zero_is_never(read: Callable[[Any], float]) -> Callable[[Any], float | None]:
    return lambda value: read(value) or None


def whole_number(low: int, high: int) -> Callable[[Any], int]:
    def read(value: object) -> int:
        number = -1 if isinstance(value, bool | float) else int(str(value))
        return number if low <= number <= high else _refuse(value)

    return read


def matching(pattern: str) -> Callable[[Any], str]:
    return lambda value: value if re.fullmatch(pattern, value, re.ASCII) else _refuse(value)


def read_base_path(value: str) -> str:
    segments = value.split("/")
    if not _PATH.fullmatch(value) or {".", ".."} & set(segments):
        _refuse(value)
    return "/".join(["", *filter(None, segments), ""])


def read_url(value: str) -> str:
    """Return the value, less the slashes at its end, if it is an absolute http(s) URL without user, query and fragment.
    Raises ValueError otherwise.
    """
    url = urlsplit(value)
    _ = url.port  # raises ValueError for what isn't a port
    extras = url.query or url.fragment or url.username is not None or re.search(r"[?#\s]", value)
    if url.scheme not in {"http", "https"} or not url.hostname or extras:
        _refuse(value)
    return value.rstrip("/")


def split_words(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return the words of a list, or of a text with commas between them, without blanks around them and without empty
    words.
    """
    words = value.split(",") if isinstance(value, str) else value
    return tuple(word.strip() for word in words if word.strip())


class Mode(int):
    """The mode of a file; `str` writes it in octal."""

    def __str__(self) -> str:
        return f"{self:04o}"


def read_mode(value: object) -> Mode:
    """Return the mode that octal digits stand for. Raises ValueError if it isn't 0600, 0640, 0644, 0660, 0664 or 0666,
    or for other text."""
    mode = Mode(str(value), 8)
    return mode if mode in _MODES else _refuse(value)


def read_networks(value: str | Iterable[str]) -> tuple[Network, ...]:
    words = split_words(value if isinstance(value, str) else map(str, value))
    groups = (EVERYWHERE if word.lower() == "any" else (word,) for word in words)
    return tuple(ip_network(network) for group in groups for network in group)


def read_hosts(value: str | Iterable[str]) -> tuple[str, ...]:
    hosts = split_words(value)
    return () if hosts == ("any",) else hosts if all(map(_HOST.fullmatch, hosts)) else _refuse(value)


def read_media_types(value: str | Iterable[str]) -> tuple[str, ...]:
    types = tuple(map(str.lower, split_words(value)))
    return types if all(map(is_type_range, types)) else _refuse(value)


def read_extensions(value: str | Iterable[str]) -> tuple[str, ...]:
    extensions = tuple(map(str.lower, split_words(value)))
    return extensions if all(map(_EXTENSION.fullmatch, extensions)) else _refuse(value)


def read_listen_hosts(value: str | Iterable[str]) -> tuple[str, ...]:
    hosts = tuple(dict.fromkeys(split_words(value)))
    return hosts if hosts and all(map(_LISTEN_HOST.fullmatch, hosts)) else _refuse(value)


def read_tokens(value: str | Iterable[str]) -> tuple[str, ...]:
    tokens = split_words(value)
    return tokens if all(map(_TOKEN.fullmatch, tokens)) else _refuse(value)


def read_tags(value: str | Mapping[str, str]) -> dict[str, str]:
    pairs = (
        [pair.split("=", 1) for pair in value.split(",") if pair.strip()] if isinstance(value, str) else value.items()
    )
    tags = {key.strip(): text.strip() for key, text in pairs}
    short = all(0 < len(key) <= _LONGEST_TAG_KEY and len(text) <= _LONGEST_TAG_VALUE for key, text in tags.items())
    return tags if short and len(tags) == len(pairs) <= _MAX_TAGS else _refuse(value)


def read_object_key(value: str) -> str:
    """Return the template of object keys, such as `{year}/{month}/{id}`. Raises ValueError unless it has the field
    `{id}`, and no others than `{year}`, `{month}`, `{day}`, `{hour}` and `{filename}`, none with a format or
    conversion; and unless an object may have the key (`is_place`) that the template gives with `x` in place of each
    field.
    """
    parsed = list(string.Formatter().parse(value))
    names = {name for _, name, _, _ in parsed if name is not None}
    plain = not any(spec or conversion for _, _, spec, conversion in parsed)
    fits = plain and {"id"} <= names <= _OBJECT_KEY_FIELDS
    # No field is empty or begins or ends with a dot
    return value if fits and is_place(value.format_map(dict.fromkeys(names, "x"))) else _refuse(value)


def _refuse(value: object) -> Any:
    raise ValueError(value)


Port = Annotated[int, expects("a port (0 to 65535)", whole_number(0, _HIGHEST_PORT))]
Count = Annotated[int, expects("a whole number from 1 to 1024", whole_number(1, 1024))]
Partials = Annotated[int, expects("a whole number from 1 to 10000", whole_number(1, 10_000))]
Amount = Annotated[int, expects("a whole number from 1 to 1000000", whole_number(1, 1_000_000))]
OptionalCount = Annotated[
    int | None, expects("a whole number from 1 to 1000000, or none", or_none(whole_number(1, 1_000_000)))
]
GoneStatus = Annotated[int, expects("404 or 410", lambda value: {"404": 404, "410": 410}[str(value)])]
Switch = Annotated[bool, expects("on or off", lambda value: _SWITCH[str(value).lower()])]

Size = Annotated[int, expects("a size such as 8MiB, 1GB or plain bytes", parse_size)]
OptionalSize = Annotated[
    int | None, expects("a size such as 8MiB, 1GB or plain bytes, or none", or_none(zero_is_never(parse_size)))
]
Duration = Annotated[float, expects("a duration such as 30, 90s or 24h", parse_duration)]
PositiveDuration = Annotated[float, expects("a duration above 0, such as 30, 90s or 24h", above_zero(parse_duration))]
OptionalDuration = Annotated[
    float | None, expects("a duration such as 90s, 24h or 7d, or 0 for never", or_none(zero_is_never(parse_duration)))
]

OptionalRate = Annotated[Rate | None, expects("a rate such as 10/s, 60/m or 500/h, or none", or_none(parse_rate))]

SignatureLifetime = Annotated[
    float, expects("a duration from 1s to 7d, such as 15m", within(1, 7 * 86_400, parse_duration))
]

LogFormat = Annotated[Literal["text", "json"], one_of("text", "json")]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], one_of("debug", "info", "warning", "error")]
Checksum = Annotated[Literal["auto", "crc32c", "md5", "none"], one_of("auto", "crc32c", "md5", "none")]
Encryption = Annotated[Literal["none", "AES256", "aws:kms"], one_of("none", "AES256", "aws:kms")]
Interim = Annotated[Literal["off", "auto", "on"], one_of("off", "auto", "on")]
FileMode = Annotated[Mode, expects("an octal mode from 0600 to 0666", read_mode)]
ProxyHeaders = Annotated[Literal["auto", "x-forwarded", "forwarded"], one_of("auto", "x-forwarded", "forwarded")]
DownloadMode = Annotated[Literal["proxy", "redirect"], one_of("proxy", "redirect")]
Addressing = Annotated[Literal["auto", "path", "virtual"], one_of("auto", "path", "virtual")]
Profile = Annotated[str, one_of(*PROFILES)]

ListenHosts = Annotated[
    tuple[str, ...],
    expects("addresses or host names with commas between them, such as 127.0.0.1,::1", read_listen_hosts),
]
OptionalSocket = Annotated[
    Path | None,
    expects("a path of at most 107 bytes, or none", or_none(lambda value: parse_socket_path(str(value)))),
]
OptionalAddress = Annotated[
    Address | None, expects("HOST:PORT, [IPv6 address]:PORT, unix:PATH, or none", or_none(parse_address))
]
OptionalWord = Annotated[str | None, expects("one word, or none", or_none(matching(r"[!-~]+")))]
RedisPrefix = Annotated[
    str,
    expects(
        "1 to 64 visible ASCII characters, but none of \\ { } [ ] * ?",
        matching(r"[!-)+->@-Z^-z|~]{1,64}"),  # without the characters of Redis's patterns and hash slots
    ),
]
BasePath = Annotated[str, expects("a path such as /files/ (a whole URL is for public-url)", read_base_path)]
OptionalUrl = Annotated[str | None, expects("an http:// or https:// URL without a query", or_none(read_url))]
Origins = Annotated[re.Pattern[str], expects("a regular expression", re.compile)]
Tokens = Annotated[tuple[str, ...], expects("header names with commas between them", read_tokens)]
Networks = Annotated[
    tuple[Network, ...], expects("addresses and networks such as 10.0.0.5,192.168.0.0/16, or any", read_networks)
]
Tags = Annotated[Mapping[str, str], expects("up to 10 tags such as team=web,kind=upload", read_tags)]
HostNames = Annotated[
    tuple[str, ...], expects("host names with commas between them, such as up.example.org,*.internal", read_hosts)
]
MediaTypes = Annotated[
    tuple[str, ...],
    expects("types with commas between them, such as image/*,application/pdf", or_any(read_media_types)),
]
Extensions = Annotated[
    tuple[str, ...],
    expects("extensions without a dot before them, such as jpg,png,tar.gz", or_any(read_extensions)),
]
ObjectKey = Annotated[
    str,
    expects(
        "a template with {id}, perhaps {year} {month} {day} {hour} {filename}, not below .tusd-py/ and without "
        "segments that are empty, '.' or '..'",
        read_object_key,
    ),
]
Storage = Annotated[StoragePlace, expects("file:PATH or s3://bucket/prefix", parse_storage)]
State = Annotated[StatePlace, expects("memory:, sqlite:PATH, redis://…, rediss://… or unix://…", parse_state)]
