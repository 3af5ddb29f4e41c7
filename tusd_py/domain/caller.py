"""The client behind a request, as events and policies see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.principal import Principal
from tusd_py.domain.refusals import Refusal
from tusd_py.domain.trace import Trace, read_trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A client and its request."""

    address: str = ""
    """The client's address: as a trusted proxy names it, else the address of the peer."""
    principal: Principal | None = None
    """The subject of the client's credential, and what the credential allows; None without a good one."""
    denial: Refusal | None = None
    """The refusal of the request's credential: it isn't good, it can't be checked now, or an authentication server
    (`auth-url`) refuses the request, even one without a credential; None if nothing was refused."""
    method: str = ""
    """The effective method, as a client may replace the method of a POST (tus 1.0, X-HTTP-Method-Override)."""
    target: str = ""
    """The path and query as the client sent them; for a stored event, the first 2,048 characters without
    tokens."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The header fields as received, secrets included; for a stored event, only those that were stored."""
    request_id: str | None = None
    """The request's id as a proxy or the client names it (X-Request-ID); None without one, or if it isn't 1 to 128
    visible ASCII characters."""
    proxied: bool = False
    """True if a trusted proxy has passed the request on. Set only where credentials are checked."""
    peer: str = ""
    """The address and port at the other end of the connection, `ip:port`, an IPv6 address in brackets: of the nearest
    proxy, if there is one; empty for a UNIX socket or a lost connection. Set only on servers with hooks or
    `events-to`."""
    endpoint: str = ""
    """The creation endpoint's absolute URL as the client sees it, with a slash at its end; empty if the URL can't be
    told from the request. Set only where credentials are checked, on servers with hooks or `events-to`, and by jobs."""
    span: Trace | None = None
    """The span of the request, if this server makes spans."""
    storable: frozenset[str] = frozenset()
    """The names, in lower case, of header fields that may be stored though they hold secrets: the settings pass them to
    hooks."""
    verbose: bool = False
    """True if events are stored with all header fields but secret ones, as hooks or a sink are told of them; else with
    the few that every format tells of. Fields in `storable` are stored in both cases; in all, at most 8 KiB of JSON."""

    @property
    def continuing(self) -> Principal | None:
        """The principal for requests that continue an upload; None without a good credential. An expired upload token
        counts as good: when a token is made, the time that a slow client needs isn't known."""
        return self.denial.expired if isinstance(self.denial, Unauthenticated) else self.principal

    @property
    def subject(self) -> str | None:
        """The subject of the caller's credential, which owns what the caller creates; None if there is no good
        credential (an expired upload token counts as good), or the credential names no subject."""
        return None if self.continuing is None else self.continuing.subject

    @property
    def trace(self) -> Trace | None:
        """The trace that the request belongs to, with this server's span or else the client's; None without one."""
        return self.span or read_trace(self.headers)


NO_CALLER = Caller()
"""The caller of changes that no request asks for: expiry, repair, an operator's command."""
