"""The parts of a request that only hooks and events are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tusd_py.http.endpoint import creation_url
from tusd_py.http.forwarded import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """A reader of these parts, for a server that has hooks or events."""

    public_endpoint: str | None
    storable: frozenset[str]
    """The names, in lower case, of header fields that may be stored though they hold secrets."""

    def read(self, request: web.Request, trust: Trust) -> Mapping[str, Any]:
        """Return the values of fields of `Caller`."""
        endpoint = creation_url(request, public=self.public_endpoint, trust=trust)
        return {"peer": _peer(request), "endpoint": endpoint, "storable": self.storable}


def _peer(request: web.Request) -> str:
    """Return the other end of the connection as `ip:port`; empty for a UNIX socket."""
    match request.transport and request.transport.get_extra_info("peername"):
        case (str(host), int(port), *_):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return ""
