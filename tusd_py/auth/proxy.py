"""Authentication by a trusted proxy, which names the user in a header field."""

from __future__ import annotations

from tusd_py.auth.credentials import parse_identifier
from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Principal


class ProxyUsers:
    """An authenticator that takes the user's name from the header field `header` of requests from trusted proxies."""

    def __init__(self, header: str) -> None:
        self._header = header

    async def identify(self, caller: Caller) -> Principal | None:
        """Return a principal for the user; None if the field is absent or blank, or the peer is no trusted proxy.

        Raises Unauthenticated if the name isn't 1 to 255 printable characters.
        """
        user = caller.headers.get(self._header, "").strip() if caller.proxied else ""
        return Principal(subject=parse_identifier(user)) if user else None

    async def aclose(self) -> None:
        """Return at once: there is no connection."""
