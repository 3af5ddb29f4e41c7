"""The credentials of a request, by the field or parameter that carries them, and the check of names in credentials."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs

from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.caller import Caller

LONGEST = 16 * 1024
"""Characters of a credential that is looked at; a longer one is none that was issued."""
_MAX_PARAMETERS = 100
"""Parameters of a query in which a token is looked for."""
_LONGEST_IDENTIFIER = 255
"""Characters of the name of an owner or a tenant, or of a token's id."""


_LISTENING = ("/events", "/socket", "/status")
"""Ends of the paths of listeners: a browser's EventSource and WebSocket send no header."""


def bearer(caller: Caller) -> str | None:
    """Return the token of `Authorization: Bearer` (RFC 6750, 2.1), None if there is none."""
    scheme, _, token = caller.headers.get("Authorization", "").partition(" ")
    return _bounded(token.strip(" ")) if scheme.lower() == "bearer" else None


def api_key(caller: Caller) -> str | None:
    """Return the value of X-Api-Key, None if there is none."""
    return _bounded(caller.headers.get("X-Api-Key"))


def upload_tokens(caller: Caller) -> Sequence[str]:
    """Return the tokens of all places for upload tokens: Authorization, Upload-Token, and a creation's query."""
    tokens = (bearer(caller), _bounded(caller.headers.get("Upload-Token")), _token_of_query(caller))
    return [token for token in tokens if token is not None]


def is_present(caller: Caller) -> bool:
    """Return True if the request has a credential in any of these places."""
    return api_key(caller) is not None or bool(upload_tokens(caller))


def parse_identifier(value: object) -> str:
    """Return the name of an owner or a tenant, or a token's id: printable, since it gets into records and log lines.

    Raises Unauthenticated.
    """
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_IDENTIFIER and value.isprintable():
        return value
    raise Unauthenticated(invalid=True)


def _token_of_query(caller: Caller) -> str | None:
    """Return `?token=`, for forms and other clients that can send no header, or `?ticket=`, for those that listen.
    Upload URLs are kept for long, so a request to an upload can't have it."""
    path, _, query = caller.target.partition("?")
    names = _names_in_query(caller.method, path)
    if not any(f"{name}=" in query for name in names):
        return None
    try:
        values = parse_qs(query, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        return None
    return _bounded(next((values[name][0] for name in names if name in values), None))


def _names_in_query(method: str, path: str) -> Sequence[str]:
    if method == "GET" and path.endswith(_LISTENING):
        return ("ticket", "token")
    return ("token",) if method in {"POST", "PUT"} else ()


def _bounded(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST else ""
