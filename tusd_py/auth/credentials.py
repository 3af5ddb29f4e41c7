"""The credentials of a request, by the field or parameter that carries them, and the check of the
names of owners and tenants, and of tokens' ids."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs

from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.caller import Caller

LONGEST = 16 * 1024
"""The most characters of an API key or token that this server checks; a longer one is read as empty text, which is
never valid."""
_MAX_PARAMETERS = 100
"""The most parameters of a query; a longer query counts as one without a token."""
_LONGEST_IDENTIFIER = 255
"""The most characters of the name of an owner or a tenant, or of a token's id."""


_LISTENING = ("/events", "/socket", "/status")
"""The ends of the paths of GET requests for live events, or for the status of an upload. Their query may hold a token:
a browser's EventSource and WebSocket can't send a header field of the page's choice."""


def bearer(caller: Caller) -> str | None:
    """Return the token of `Authorization: Bearer` (RFC 6750, 2.1): None without that field or for another scheme, empty
    if there is no token after the scheme, or one longer than `LONGEST`.
    """
    scheme, _, token = (_field(caller, "Authorization") or "").partition(" ")
    return _bounded(token.strip(" ")) if scheme.lower() == "bearer" else None


def api_key(caller: Caller) -> str | None:
    """Return the value of X-Api-Key: None without one, empty if longer than `LONGEST`."""
    return _bounded(_field(caller, "X-Api-Key"))


def upload_tokens(caller: Caller) -> Sequence[str]:
    """Return the tokens that the request has, in this order, in Authorization (Bearer), in Upload-Token, and in the
    query of a POST or PUT, or of a GET for live events or an upload's status. One longer than `LONGEST` is empty text.
    """
    tokens = (bearer(caller), _bounded(_field(caller, "Upload-Token")), _token_of_query(caller))
    return [token for token in tokens if token is not None]


def is_present(caller: Caller) -> bool:
    """Return True if the request has an API key, or a token at any place for upload tokens, valid or not."""
    return api_key(caller) is not None or bool(upload_tokens(caller))


def parse_identifier(value: object) -> str:
    """Return the value, which must fit the name of an owner or a tenant, or a token's id: text of 1 to 255 printable
    characters, since records and log lines hold it.

    Raises Unauthenticated for any other value.
    """
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_IDENTIFIER and value.isprintable():
        return value
    raise Unauthenticated(invalid=True)


def _token_of_query(caller: Caller) -> str | None:
    """Return `?token=` of a POST or PUT, for forms and other clients that can't send a header field, or `?ticket=`
    (else `?token=`) of a GET for live events or an upload's status; None without one, or if the query has more than
    `_MAX_PARAMETERS` parameters; empty if longer than `LONGEST`. Queries of other requests aren't read: clients keep
    the URLs of uploads for long, and tokens don't belong there.
    """
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


def _field(caller: Caller, name: str) -> str | None:
    """Return the field's value; None without the field. Two lines are one value, joined by a comma (RFC 9110, 5.2),
    which is no credential: nothing says which of two counts."""
    lines = [value for key, value in caller.headers.items() if key.lower() == name.lower()]
    return ", ".join(lines) if lines else None


def _bounded(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST else ""
