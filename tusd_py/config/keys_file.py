"""The file of API keys: a line `name:sha256hex[:policy]` for each, with the key's digest and policy (its limits and
scopes), and `#` before comments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tusd_py.auth.api_keys import ApiKey
from tusd_py.config.kinds import whole_number
from tusd_py.config.units import parse_rate, parse_size
from tusd_py.domain.errors import ConfigurationError
from tusd_py.domain.names import is_key_prefix, is_type_range
from tusd_py.domain.principal import LIST, TOKENS, UPLOAD, Allowance, Quota

_LARGEST = 1024 * 1024
"""The most bytes of a file of API keys."""
_COMMENT = re.compile(r"(?:^|\s)#.*")
_NAME = re.compile(r"[^\s:]{1,255}")
_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")
_PREFIX = re.compile(r"[A-Za-z0-9._~/-]{1,200}")
_SCOPES = frozenset({UPLOAD, TOKENS, LIST})


def read_keys_file(path: Path) -> str:
    """Return the file's text. Raises ConfigurationError if it can't be read, is longer than 1 MiB, or isn't UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ConfigurationError(f"auth-keys-file: {path}: longer than 1 MiB")
        return content.decode()
    except OSError as error:
        raise ConfigurationError(f"auth-keys-file: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"auth-keys-file: {path}: not UTF-8 text") from None


def parse_keys_file(text: str) -> Sequence[ApiKey]:
    """Return the keys in the text of a file of API keys. Raises ConfigurationError for the first wrong line: its
    message has the line's number, and of its text at most one known word of the policy, such as `max-size`.
    """
    return list(_keys(text))


def _keys(text: str) -> Iterator[ApiKey]:
    for number, line in enumerate(text.splitlines(), start=1):
        if content := _COMMENT.sub("", line).strip():
            try:
                yield _key(content)
            except (ValueError, KeyError) as error:
                raise ConfigurationError(f"auth-keys-file: line {number}: {error.args[0]}") from None


def _key(line: str) -> ApiKey:
    name, digest, policy = (*line.split(":", 2), "", "")[:3]
    if not _NAME.fullmatch(name) or not name.isprintable() or not _DIGEST.fullmatch(digest):
        raise ValueError("expected name:sha256hex or name:sha256hex:policy")
    values = _policy(policy)
    quota = Quota(max_bytes=values.get("quota-bytes"), max_uploads=values.get("quota-uploads"))
    allowance = Allowance(
        max_length=values.get("max-size"),
        types=values.get("types", ()),
        key_prefix=values.get("key-prefix", ""),
        quota=None if quota == Quota() else quota,
        rate=values.get("quota-rate"),
    )
    scopes = values.get("scopes", frozenset({UPLOAD, TOKENS}))
    return ApiKey(name=name, digest=bytes.fromhex(digest), scopes=scopes, allowance=allowance)


def _policy(text: str) -> Mapping[str, Any]:
    """Return the limits and scopes that a key's policy, `word=value` with commas between, sets, by its words. Raises
    ValueError with a message that says what is expected.
    """
    values = dict[str, Any]()
    for pair in filter(None, map(str.strip, text.split(","))):
        word, _, value = (part.strip() for part in pair.partition("="))
        if word not in _WORDS or word in values:
            raise ValueError(f"expected each of {', '.join(_WORDS)} at most once, as word=value with commas between")
        read, phrase = _WORDS[word]
        try:
            values[word] = read(value)
        except (ValueError, LookupError):
            raise ValueError(f"{word}: expected {phrase}") from None
    return values


def _types(value: str) -> tuple[str, ...]:
    types = tuple(value.lower().split())
    if not types or not all(map(is_type_range, types)):
        raise ValueError(value)
    return types


def _prefix(value: str) -> str:
    if not (_PREFIX.fullmatch(value) and is_key_prefix(value)):
        raise ValueError(value)
    return value


def _rate(value: str) -> tuple[int, float]:
    rate = parse_rate(value)
    return rate.count, float(rate.seconds)


def _scopes(value: str) -> frozenset[str]:
    scopes = frozenset(value.split())
    if not scopes or not scopes <= _SCOPES:
        raise ValueError(value)
    return scopes


_WORDS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "max-size": (parse_size, "a size such as 5GiB"),
    "types": (_types, "types with blanks between them, such as image/* application/pdf"),
    "key-prefix": (_prefix, "a path such as team/, of letters, digits and -_.~/, at most 191 after the last slash"),
    "quota-bytes": (parse_size, "a size such as 1TiB"),
    "quota-uploads": (whole_number(1, 1_000_000), "a whole number from 1 to 1000000"),
    "quota-rate": (_rate, "a rate such as 10/s, 60/m or 500/h"),
    "scopes": (_scopes, f"words of {', '.join(sorted(_SCOPES))}, with blanks between them"),
}
"""The words of a policy, each with the reader of its value and a phrase that says which text the reader expects."""
