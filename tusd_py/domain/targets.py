"""Request targets without the credentials in their queries, for events."""

from __future__ import annotations

from urllib.parse import unquote_plus

_SECRET = frozenset({"token", "ticket"})
"""Query parameters that hold a credential."""


def without_tokens(target: str) -> str:
    """Return a request target such as `/files/?token=…&a=b` with `***` in place of the value of each query parameter
    `token` or `ticket`, which hold credentials; in linear time."""
    path, mark, query = target.partition("?")
    return path + mark + "&".join(map(_without_token, query.split("&")))


def _without_token(parameter: str) -> str:
    name, _, value = parameter.partition("=")
    return f"{name}=***" if value and unquote_plus(name).lower() in _SECRET else parameter
