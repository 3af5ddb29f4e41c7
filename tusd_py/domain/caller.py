"""The client behind a request, as events and policies see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A client and its request."""

    address: str = ""
    """The client's address: from a trusted proxy, else the peer's."""
    identity: str | None = None
    """The subject of its credential; None if it has sent none."""
    method: str = ""
    """The effective method: a POST may stand for another one (tus 1.0, X-HTTP-Method-Override)."""
    target: str = ""
    """The path and query as sent."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The header fields as received, secrets included."""
    request_id: str | None = None
    """The request's id from a proxy or the client (X-Request-ID)."""
    peer: str = ""
    """The address and port at the other end of the connection, `ip:port`: of the nearest proxy, if there is one."""
    endpoint: str = ""
    """The URL of the creation endpoint as the request had it; empty if no event is to name it."""
    storable: frozenset[str] = frozenset()
    """The names, in lower case, of header fields with secrets that may be stored, as hooks are to get them."""


NO_CALLER = Caller()
"""The caller of changes that no request asks for: expiry, repair, an operator's command."""
