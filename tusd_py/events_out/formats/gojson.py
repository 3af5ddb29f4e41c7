"""JSON as Go's encoding/json writes it, since hooks that are shell scripts search its text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

Value = str | int | bool | None | Mapping[str, "Value"] | Sequence["Value"]

_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"} | {
    0xDC00 + byte: "\\ufffd" for byte in range(0x80, 0x100)
}
"""The escapes of characters with a meaning in HTML and JavaScript, and of the surrogates that `text` returns for bytes
that aren't UTF-8."""


def encode(value: Value) -> bytes:
    """Return the value as JSON without blanks, with keys in the order of the value: the caller sorts those of a map in
    Go.

    A lone surrogate that doesn't come from `text` becomes a question mark.
    """
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)
    return written.encode("utf-8", "replace")


def text(value: bytes) -> str:
    """Return the text that `encode` writes as Go writes a string of these bytes."""
    return value.decode("utf-8", "surrogateescape")
