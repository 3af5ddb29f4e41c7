"""JSON as Go's encoding/json writes it, since shell hooks search its text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

Value = str | int | bool | None | Mapping[str, "Value"] | Sequence["Value"]

_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"} | {
    0xDC00 + byte: "\\ufffd" for byte in range(0x80, 0x100)
}
"""Characters of HTML and JavaScript, and bytes that aren't UTF-8, which `text` has turned into surrogates."""


def encode(value: Value) -> bytes:
    """Return the value without blanks, with keys in their order: sort those that are a map in Go.

    A lone surrogate other than `text` makes is replaced, too.
    """
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)
    return written.encode("utf-8", "replace")


def text(value: bytes) -> str:
    """Return the text for a Go string of these bytes."""
    return value.decode("utf-8", "surrogateescape")
