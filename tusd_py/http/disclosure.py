"""The parts of a request that only hooks and events are told."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tusd_py.domain.refusals import Malformed
from tusd_py.http.endpoint import endpoint_url
from tusd_py.http.forwarded import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """A reader of these parts, for a server that has hooks or events."""

    base_path: str
    public_endpoint: str | None
    storable: frozenset[str]
    """The names, in lower case, of header fields that may be stored though they hold secrets."""

    def read(self, request: web.Request, trust: Trust) -> Mapping[str, Any]:
        """Return the values of fields of `Caller`."""
        return {"peer": _peer(request), "endpoint": self._endpoint(request, trust), "storable": self.storable}

    def _endpoint(self, request: web.Request, trust: Trust) -> str:
        """Return the creation endpoint's URL; empty if the request doesn't make a URL."""
        prefix, base, _ = f"{request.rel_url.raw_path}/".partition(self.base_path)
        path = f"{prefix}{base}" if base else self.base_path
        with suppress(Malformed):
            return endpoint_url(request, path, public=self.public_endpoint, trust=trust)
        return ""


def _peer(request: web.Request) -> str:
    """Return the other end of the connection as `ip:port`; empty for a UNIX socket."""
    match request.transport and request.transport.get_extra_info("peername"):
        case (str(host), int(port), *_):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return ""
