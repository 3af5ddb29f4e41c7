"""The places of the storage and of the state store as settings name them, and the parsers of their text."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

_BUCKET = re.compile(r"(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
"""The pattern of a bucket's name (S3 User Guide, "General purpose bucket naming rules"), without the rules for
reserved prefixes and suffixes."""
_PREFIX = re.compile(r"[\w!.*'()+=@:,-]+(?:/[\w!.*'()+=@:,-]+)*", re.ASCII)
_USER = re.compile(r"^([a-z][a-z0-9+.-]*://)?.*@", re.DOTALL)
_LONGEST_PREFIX = 512
"""The most characters of a prefix, all ASCII: of the 1,024 bytes that S3 allows for a key, the others are left for the
object."""


@dataclass(frozen=True, slots=True)
class LocalDirectory:
    """The storage in a local directory: `file:PATH`."""

    path: Path

    def __str__(self) -> str:
        return f"file:{self.path}"


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """The storage in an S3 bucket: `s3://bucket/prefix`."""

    bucket: str
    prefix: str = ""
    """The beginning of each object's key: empty, or with a slash at its end."""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True)
class MemoryState:
    """The state store in the process's memory: `memory:`."""

    def __str__(self) -> str:
        return "memory:"


@dataclass(frozen=True, slots=True)
class SqliteState:
    """The state store in a SQLite file: `sqlite:PATH`."""

    path: Path

    def __str__(self) -> str:
        return f"sqlite:{self.path}"


@dataclass(frozen=True, slots=True)
class RedisState:
    """The state store in Redis or Valkey: `redis://…`, `rediss://…` (TLS) or `unix://…`."""

    url: SecretStr

    def __str__(self) -> str:
        return without_secrets(self.url.get_secret_value())


StoragePlace = LocalDirectory | S3Bucket
StatePlace = MemoryState | SqliteState | RedisState


def overlap(place: StoragePlace, second_place: StoragePlace) -> bool:
    """Return True if the places are the same, or one contains the other; links are followed."""
    match place, second_place:
        case LocalDirectory(), LocalDirectory():
            return contains(place, second_place.path) or contains(second_place, place.path)
        case S3Bucket(), S3Bucket():
            first, second = place.prefix, second_place.prefix
            return place.bucket == second_place.bucket and (first.startswith(second) or second.startswith(first))
    return False


def contains(directory: LocalDirectory, path: Path) -> bool:
    """Return True if the path is the directory, or below it; links are followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory.path))


def parse_storage(value: object) -> StoragePlace:
    """Return the place that `file:PATH` or `s3://bucket/prefix` names; a place is returned as it is. Raises
    ValueError."""
    if isinstance(value, LocalDirectory | S3Bucket):
        return value
    scheme, _, location = str(value).partition(":")
    match scheme:
        case "file":
            return LocalDirectory(_path(location))
        case "s3" if location.startswith("//"):
            return _bucket(location[2:])
    raise ValueError(value)


def parse_state(value: object) -> StatePlace:
    """Return the place that `memory:`, `sqlite:PATH`, `redis://…`, `rediss://…` or `unix://…` names; a place is
    returned as it is. Raises ValueError."""
    if isinstance(value, MemoryState | SqliteState | RedisState):
        return value
    scheme, _, location = str(value).partition(":")
    match scheme:
        case "memory" if str(value) == "memory:":
            return MemoryState()
        case "sqlite" if location != ":memory:":
            return SqliteState(_path(location))
        case "redis" | "rediss" | "unix":
            return RedisState(SecretStr(_redis_url(str(value))))
    raise ValueError(value)


def without_secrets(url: str) -> str:
    """Return the URL with `***` in place of user and password, and without its query, even if it isn't well formed:
    what stands before the last `@` is shown only as far as it is a scheme with `://`."""
    return re.sub(r"\?.*", "", _USER.sub(r"\1***@", url), flags=re.DOTALL)


def _path(text: str) -> Path:
    names_a_host = text.startswith("//") and not text.startswith("///")
    if not text.strip("/ ") or "\0" in text or names_a_host:
        raise ValueError(text)
    return Path(re.sub(r"^/+", "/", text))


def is_bucket(name: str) -> bool:
    """Return True if the name keeps S3's rules for names of buckets: characters, length, no `..`, no IPv4 address. The
    rules for reserved prefixes and suffixes aren't checked."""
    return _BUCKET.fullmatch(name) is not None


def _bucket(text: str) -> S3Bucket:
    bucket, _, path = text.partition("/")
    prefix = path.rstrip("/")
    if not is_bucket(bucket) or (prefix and not _prefix_fits(prefix)):
        raise ValueError(text)
    return S3Bucket(bucket, f"{prefix}/" if prefix else "")


def _prefix_fits(prefix: str) -> bool:
    dots = {".", ".."} & set(prefix.split("/"))
    return bool(_PREFIX.fullmatch(prefix)) and not dots and len(prefix) <= _LONGEST_PREFIX


def _redis_url(text: str) -> str:
    url = urlsplit(text)
    _ = url.port  # raises ValueError for what isn't a port
    database = url.path.strip("/")
    well_formed = bool(url.path.strip("/")) if url.scheme == "unix" else bool(url.hostname) and _is_number(database)
    if "//" not in text or not well_formed:
        raise ValueError(text)
    return text


def _is_number(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())
