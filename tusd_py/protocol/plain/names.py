"""The names that forms, Content-Disposition and paths give to files."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from tusd_py.domain.names import base_name
from tusd_py.protocol.parameters import decode_extended, parse_parameters

_ESCAPES = (('\\"', '"'), ("%22", '"'), ("%0D", "\r"), ("%0A", "\n"))
"""Escapes of browsers (HTML standard, "multipart/form-data encoding algorithm") and of curl's --form-escape. Other
percent signs mean themselves."""


def unescape(value: str) -> str:
    """Return a `name` or `filename` of Content-Disposition, with the quotes and line breaks decoded that browsers or
    curl escaped.
    """
    for escape, character in _ESCAPES:
        value = value.replace(escape, character)
    return value


def name_in_disposition(text: str) -> str:
    """Return the file name in Content-Disposition, without folders: `filename*` if it can be read, else `filename`;
    empty for none, or if the text doesn't follow the grammar."""
    parsed = parse_parameters(text)
    if parsed is None:
        return ""
    _, parameters = parsed
    extended = decode_extended(parameters.get("filename*", ""))
    return base_name(unescape(parameters.get("filename", "")) if extended is None else extended)


def name_in_segment(segment: str) -> bytes:
    """Return the file name in the last segment of a URL's path, percent-decoded once, and then without folders; empty
    for none."""
    decoded = unquote_to_bytes(segment.encode("utf-8", "surrogateescape"))
    return base_name(decoded.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
