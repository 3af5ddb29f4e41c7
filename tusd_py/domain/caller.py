"""The client behind a request, as events and policies see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tusd_py.domain.principal import Principal
from tusd_py.domain.refusals import Refusal
from tusd_py.domain.trace import Trace, read_trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A client and its request."""

    address: str = ""
    """The client's address: from a trusted proxy, else the peer's."""
    principal: Principal | None = None
    """The subject of its credential, and what that allows; None without a good one."""
    denial: Refusal | None = None
    """The reason why the credential that it sent isn't good, or can't be checked now; None if there is none."""
    method: str = ""
    """The effective method: a POST may stand for another one (tus 1.0, X-HTTP-Method-Override)."""
    target: str = ""
    """The path and query as sent."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The header fields as received, secrets included."""
    request_id: str | None = None
    """The request's id from a proxy or the client (X-Request-ID)."""
    proxied: bool = False
    """True if a trusted proxy has passed the request on; known where credentials are checked."""
    peer: str = ""
    """The address and port at the other end of the connection, `ip:port`: of the nearest proxy, if there is one; known
    where events are told."""
    endpoint: str = ""
    """The creation endpoint's absolute URL as the client sees it, with a slash at its end; known where credentials are
    checked or events are told, and empty if the request doesn't make a URL."""
    span: Trace | None = None
    """The span of the request, if this server makes spans."""
    storable: frozenset[str] = frozenset()
    """The names, in lower case, of header fields with secrets that may be stored, as hooks are to get them."""

    @property
    def subject(self) -> str | None:
        """The subject of its credential, who owns what it creates; None if there is none."""
        return None if self.principal is None else self.principal.subject

    @property
    def trace(self) -> Trace | None:
        """The trace that the request belongs to: at this server's span, else at the client's; None without one."""
        return self.span or read_trace(self.headers)


NO_CALLER = Caller()
"""The caller of changes that no request asks for: expiry, repair, an operator's command."""
