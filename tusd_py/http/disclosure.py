"""The details of a request that are read for hooks and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tusd_py.http.endpoint import creation_url
from tusd_py.http.forwarded import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """A reader of the details of a request for hooks and for the events that `events-to` sends; a server with neither
    has no such reader.
    """

    public_endpoint: str | None
    storable: frozenset[str]
    """The names, in lower case, of header fields that may be stored with events even if they hold secrets, as hooks are
    to get them (`hooks-http-forward-headers`)."""
    verbose: bool
    """True if hooks or a sink get events in tusd's format, for which all header fields except secret ones
    may be stored."""

    def read(self, request: web.Request, trust: Trust) -> Mapping[str, Any]:
        """Return four fields of `Caller` by name: `peer` (the address and port at the other end of the connection;
        empty for a UNIX socket or a lost connection), `endpoint` (the creation endpoint's URL; empty if the settings
        have none, and it can't be told from the request), `storable` (the names of header fields that may be stored
        with events even if they are secret) and `verbose` (True if all that aren't secret may be stored, too; False for
        only those that every format tells of).
        """
        endpoint = creation_url(request, public=self.public_endpoint, trust=trust)
        fields = {"storable": self.storable, "verbose": self.verbose}
        return {"peer": _peer(request), "endpoint": endpoint, **fields}


def _peer(request: web.Request) -> str:
    """Return the peer's address as `ip:port`, an IPv6 address in brackets; empty for a UNIX socket or a lost
    connection."""
    match request.transport and request.transport.get_extra_info("peername"):
        case (str(host), int(port), *_):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return ""
