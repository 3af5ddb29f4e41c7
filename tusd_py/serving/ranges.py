"""Range requests (RFC 9110, 14): the bytes of an object that a request asks for."""

from __future__ import annotations

import re

from tusd_py.domain.span import Span

_SINGLE = re.compile(r"bytes=([0-9]{0,40})-([0-9]{0,40})", re.IGNORECASE)
"""A field Range with one range. No object has 10^40 bytes, and the limit keeps a hostile number cheap to parse."""


class UnsatisfiableRange(Exception):
    """The error for a well-formed range that holds no byte of the object: the answer is 416 (RFC 9110, 15.5.17). A
    range of the last bytes of an empty object is ignored instead."""


def select_span(header: str, length: int) -> Span | None:
    """Return the bytes that the field Range asks for, of an object of `length` bytes; None if the field is to be
    ignored. Raises UnsatisfiableRange.

    Ignored are other units, malformed ranges, numbers of more than 40 digits, several ranges at once, which a server
    may refuse to serve (RFC 9110, 14.2), and the last bytes of an empty object: the whole object is then served.
    """
    match = _SINGLE.fullmatch(header)
    if match is None:
        return None
    first, last = match.groups()
    return _from_start(int(first), last, length) if first else _suffix(last, length)


def _from_start(first: int, last: str, length: int) -> Span | None:
    if last and int(last) < first:
        return None
    if first >= length:
        raise UnsatisfiableRange
    return Span(first, min(int(last) + 1, length) if last else length)


def _suffix(count: str, length: int) -> Span | None:
    if not count:
        return None
    if int(count) == 0:
        raise UnsatisfiableRange
    # A suffix of an empty object is satisfiable (14.1.2), but no Content-Range can say so: the whole object is served.
    return Span(max(0, length - int(count)), length) if length else None
