"""The client behind a request, as events and policies see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A client, and the request by which it asks for something."""

    address: str = ""
    """As judged: what a trusted proxy says, else the peer's."""
    identity: str | None = None
    """The subject of its credential; None where it has shown none."""
    method: str = ""
    """As meant: a POST may stand for another (tus 1.0, X-HTTP-Method-Override)."""
    target: str = ""
    """Path and query as sent."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """As received, secrets included."""
    request_id: str | None = None
    """As a proxy or the client calls the request (X-Request-ID)."""


NO_CALLER = Caller()
"""For changes that no request asks for: expiry, repair, an operator's command."""
