"""The parameters of header fields (RFC 9110, 5.6.6), and values in an extended notation (RFC 8187)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

PARAMETER = re.compile(r';[ \t]*([A-Za-z0-9*_.-]+)[ \t]*=[ \t]*("[^"\\]*+(?:\\.[^"\\]*+)*+"|[^;" \t]*)[ \t]*')
_EXTENDED = re.compile(r"(utf-8|iso-8859-1)'[^']*'(.*)", re.IGNORECASE)


def parse_parameters(text: str) -> tuple[str, Mapping[str, str]] | None:
    """Return the value before the parameters, in lower case and otherwise unchecked, and the parameters by their
    names in lower case; None if a parameter is malformed or comes twice. Quoted values lose their quotes, but
    keep escapes.
    """
    value, semicolon, _ = text.partition(";")
    parameters, position = dict[str, str](), len(value)
    while match := PARAMETER.match(text, position):
        name, position = match[1].lower(), match.end()
        if name in parameters:
            return None
        parameters[name] = match[2][1:-1] if match[2].startswith('"') else match[2]
    complete = not semicolon or not text[position:].strip("; \t")
    return (value.strip(" \t").lower(), parameters) if complete else None


def decode_extended(text: str) -> str | None:
    """Return the text that an extended value such as `UTF-8''na%C3%AFve` stands for, with U+FFFD for bytes that aren't
    in its charset; None if `text` isn't such a value in UTF-8 or ISO-8859-1."""
    match = _EXTENDED.fullmatch(text)
    if match is None:
        return None
    return unquote_to_bytes(match[2].encode("utf-8", "surrogateescape")).decode(match[1], "replace")
