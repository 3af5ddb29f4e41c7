"""The types of values of the settings of authentication."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from tusd_py.config.addresses import is_loopback
from tusd_py.config.kinds import NONE_WORDS, expects, matching, one_of, or_none, split_words

MAKERS = ("token", "jwt", "api-key", "forward", "proxy")
"""The words of the setting `auth`: the ways to log in, each with its own maker of principals."""
_SHORTEST_SECRET = 32
"""The fewest bytes of a secret for HMAC-SHA256 (RFC 7518, 3.2)."""
_OWNERSHIP = {word: word for word in ("capability", "owner")}
_WORD = re.compile(r"[!-~]+")


def read_makers(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return the words of the setting `auth`, a list or text with commas between them, in lower case, each once, in the
    order given; empty for no word, or for `none`, `never` or `forever` alone. Raises ValueError for any other word that
    isn't in `MAKERS`.
    """
    names = tuple(dict.fromkeys(word.lower() for word in split_words(value)))
    if len(names) == 1 and names[0] in NONE_WORDS:
        return ()
    if not set(names) <= set(MAKERS):
        raise ValueError(value)
    return names


def read_secret(value: object) -> SecretStr:
    """Return the secret. Raises ValueError if it is shorter than 32 bytes, or a PEM file: a public key is no secret."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    if len(text.encode()) < _SHORTEST_SECRET or "-----BEGIN " in text:
        raise ValueError
    return SecretStr(text)


def read_question_url(value: str) -> str:
    """Return the value if it is an absolute http(s) URL without user, fragment and blanks; it may have a query. Raises
    ValueError otherwise.
    """
    url = urlsplit(value)
    _ = url.port  # raises ValueError for what isn't a port
    if (
        url.scheme not in {"http", "https"}
        or not url.hostname
        or url.username is not None
        or re.search(r"[#\s]", value)
    ):
        raise ValueError(value)
    return value


def read_key_set_url(value: str) -> str:
    """Return the value if `read_question_url` takes it, and its scheme is https or its host is loopback, so that no
    proxy can change the answer. Raises ValueError otherwise.
    """
    url = urlsplit(read_question_url(value))
    if url.scheme != "https" and not is_loopback(url.hostname or ""):
        raise ValueError(value)
    return value


def read_words(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return the words of a list, or of text with commas between them. Raises ValueError if there is none, or one that
    isn't visible ASCII.
    """
    words = split_words(value)
    if not words or not all(map(_WORD.fullmatch, words)):
        raise ValueError(value)
    return words


Makers = Annotated[tuple[str, ...], expects(f"none, or a list of {', '.join(MAKERS)}", read_makers)]
OptionalSecret = Annotated[
    SecretStr | None,
    expects(f"at least {_SHORTEST_SECRET} bytes of a random secret (no PEM file)", or_none(read_secret)),
]
OptionalPath = Annotated[Path | None, expects("a path, or none", or_none(lambda value: Path(str(value))))]
OptionalQuestionUrl = Annotated[
    str | None, expects("an http:// or https:// URL without user and fragment", or_none(read_question_url))
]
OptionalKeySetUrl = Annotated[
    str | None, expects("an https:// URL (http:// only for a host on this machine)", or_none(read_key_set_url))
]
Words = Annotated[tuple[str, ...], expects("one or more words with commas between them", read_words)]
Word = Annotated[str, expects("one word", matching(r"[!-~]+"))]
OptionalField = Annotated[
    str | None, expects("the name of a header, or none", or_none(matching(r"[\w!#$%&'*+.^`|~-]+")))
]
Ownership = Annotated[
    Literal["capability", "owner"] | None,
    expects("capability, owner, or none", or_none(lambda value: _OWNERSHIP[value.lower()])),
]
HeadRule = Annotated[Literal["open", "required"], one_of("open", "required")]
