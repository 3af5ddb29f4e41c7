"""Structured fields (RFC 9651), of the kinds that uploads use. A field that doesn't follow its grammar is None, as if
missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from http_sf import StructuredFieldError, parse, ser

LARGEST = 999_999_999_999_999
"""The largest Integer (RFC 9651, 3.3.1)."""

LONGEST = 8 * 1024
"""The most characters of a field: a longer one is None. Known clients send less than a tenth; the parser takes up to
about a microsecond for each character."""


def parse_integer(text: str | None) -> int | None:
    """Return the value of an Item that is a non-negative Integer, without its parameters; None for any other text, or
    one of more than `LONGEST` characters."""
    value = _item(text)
    return value if type(value) is int and value >= 0 else None


def parse_boolean(text: str | None) -> bool | None:
    """Return the value of an Item that is a Boolean, without its parameters; None for any other text, or one of more
    than `LONGEST` characters."""
    value = _item(text)
    return value if isinstance(value, bool) else None


def parse_dictionary(text: str | None) -> Mapping[str, object] | None:
    """Return the values of a Dictionary, by their keys and without their parameters: Integers as int, Booleans as bool,
    Byte Sequences as bytes, others as the parser (`http_sf`) has them. None for any other text, or one of more than
    `LONGEST` characters."""
    members = _parse(text, "dictionary")
    return None if members is None else {key: member[0] for key, member in members.items()}


def encode_dictionary(members: Mapping[str, int | bytes]) -> str:
    return ser(dict(members))


def _item(text: str | None) -> object:
    item = _parse(text, "item")
    return None if item is None else item[0]


def _parse(text: str | None, kind: str) -> Any:
    if text is None or len(text) > LONGEST:
        return None
    try:
        return parse(text.encode("ascii"), tltype=kind)
    except (StructuredFieldError, UnicodeEncodeError):
        return None
