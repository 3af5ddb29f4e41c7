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
    """Return the value as JSON in UTF-8, without blanks between its tokens. Keys keep their order: Go sorts the keys of
    a map, so the caller sorts them where tusd has a map.

    A lone surrogate that stands for a byte (U+DC80 to U+DCFF) is written as the JSON escape of U+FFFD, any other as a
    question mark.
    """
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)
    return written.encode("utf-8", "replace")


def text(value: bytes) -> str:
    """Return the text of these bytes, with a lone surrogate for each byte that isn't UTF-8: so `encode` writes U+FFFD
    for it, as Go does.
    """
    return value.decode("utf-8", "surrogateescape")
