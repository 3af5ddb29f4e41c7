"""Conditional requests (RFC 9110, 13).

`etag` is strong and comes without its quotes; `modified` is in whole seconds since the epoch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from tusd_py.serving.dates import parse_http_date

_TAG = r'(?:W/)?"[^"\x00-\x20\x7f]*"'
_ENTITY_TAG = re.compile(_TAG)
_LIST = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")


def failed_precondition(headers: Mapping[str, str], etag: str, modified: int) -> HTTPStatus | None:
    """Return 412 or 304 for a GET or HEAD whose conditions don't hold, in the order of RFC 9110, 13.2.2; None if they
    hold, or if there are none.

    `headers` is case-insensitive, with the lines of a field in one value.
    """
    if not _is_match(headers, etag, modified):
        return HTTPStatus.PRECONDITION_FAILED
    if not _is_modified(headers, etag, modified):
        return HTTPStatus.NOT_MODIFIED
    return None


def range_applies(headers: Mapping[str, str], etag: str, modified: int) -> bool:
    """Return True if the Range of a request counts: without If-Range, or if If-Range holds (RFC 9110, 13.1.5).

    A date counts as a strong validator: a finished object never changes, so not twice in one second either (8.8.2.2).
    """
    value = headers.get("If-Range")
    return value is None or value == f'"{etag}"' or parse_http_date(value) == modified


def _is_match(headers: Mapping[str, str], etag: str, modified: int) -> bool:
    """Return True if If-Match holds (strong comparison); without If-Match, if If-Unmodified-Since holds, is missing, or
    is a date that can't be read."""
    if (field := headers.get("If-Match")) is not None:
        return not _tags(field).isdisjoint({"*", f'"{etag}"'})
    since = parse_http_date(headers.get("If-Unmodified-Since", ""))
    return since is None or modified <= since


def _is_modified(headers: Mapping[str, str], etag: str, modified: int) -> bool:
    """Return True if If-None-Match holds (weak comparison); without If-None-Match, if If-Modified-Since holds, is
    missing, or is a date that can't be read."""
    if (field := headers.get("If-None-Match")) is not None:
        return _tags(field).isdisjoint({"*", f'"{etag}"', f'W/"{etag}"'})
    since = parse_http_date(headers.get("If-Modified-Since", ""))
    return since is None or modified > since


def _tags(field: str) -> set[str]:
    """Return the entity tags in If-Match or If-None-Match, with their quotes and `W/`, or `*` alone; none if the field
    is malformed."""
    if field.strip() == "*":
        return {"*"}
    return set(_ENTITY_TAG.findall(field)) if _LIST.fullmatch(field) else set()
