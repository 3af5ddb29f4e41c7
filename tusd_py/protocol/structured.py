"""Structured fields (RFC 9651), the kinds in use here. What doesn't follow its grammar is None, as if missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from http_sf import StructuredFieldError, parse, ser

LARGEST = 999_999_999_999_999
"""The largest Integer (RFC 9651, 3.3.1)."""

LONGEST = 8 * 1024
"""Characters of a field. No client of ours sends a tenth of them, and its parser takes a microsecond for each."""


def parse_integer(text: str | None) -> int | None:
    """An Item that is a non-negative Integer; its parameters are passed over."""
    value = _item(text)
    return value if type(value) is int and value >= 0 else None


def parse_boolean(text: str | None) -> bool | None:
    """An Item that is a Boolean; its parameters are passed over."""
    value = _item(text)
    return value if isinstance(value, bool) else None


def parse_dictionary(text: str | None) -> Mapping[str, object] | None:
    """The members of a Dictionary, without their parameters."""
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
