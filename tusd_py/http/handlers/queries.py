"""Readers of values in requests: of the URL's query, and of the field Accept.

Names that a route doesn't know are ignored; of a repeated name, the first value counts. Functions that read the query
raise BadQuery for a value that they can't read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aiohttp import hdrs, web

from tusd_py.domain.numbers import parse_integer
from tusd_py.domain.refusals import BadQuery, Malformed
from tusd_py.protocol.listing import ListFormat
from tusd_py.serving.negotiation import preferred_type

_SWITCH = {"1": True, "0": False}


def read_accept(request: web.Request) -> str:
    """Return the field Accept; its lines count as one list (RFC 9110, 5.3). Empty if there is none."""
    return ", ".join(request.headers.getall(hdrs.ACCEPT, ()))


def read_number(request: web.Request, name: str, default: int, maximum: int | None = None) -> int:
    """Return the integer, of at most 18 digits, under `name` in the query; `default` without one, and `maximum` in
    place of a greater one. Raises BadQuery."""
    if name not in request.query:
        return default
    try:
        value = parse_integer(name, request.query[name])
    except Malformed:
        raise BadQuery(f"{name} must be a whole number of at most 18 digits") from None
    return value if maximum is None else min(value, maximum)


def read_flag(request: web.Request, name: str, *, default: bool = False) -> bool:
    """Return the switch under `name` in the query: True for 1, False for 0, `default` without one. Raises BadQuery."""
    if name not in request.query:
        return default
    value = _SWITCH.get(request.query[name])
    if value is None:
        raise BadQuery(f"{name} must be 1 or 0")
    return value


def read_choice(request: web.Request, name: str, words: Collection[str]) -> str | None:
    """Return the value under `name` in the query, which must be one of `words`; None without one. Raises BadQuery."""
    value = request.query.get(name)
    if value is not None and value not in words:
        raise BadQuery(f"{name} must be one of {', '.join(words)}")
    return value


def read_list_format(request: web.Request, formats: Mapping[str, ListFormat]) -> ListFormat:
    """Return the format under `format` in the query, else the one that Accept prefers, else the first of `formats`.
    Raises BadQuery."""
    name = read_choice(request, "format", formats)
    if name is not None:
        return formats[name]
    by_type = {form.content_type.partition(";")[0]: form for form in formats.values()}
    preferred = preferred_type(read_accept(request), tuple(by_type)) or next(iter(by_type))
    return by_type[preferred]
