"""Users that a trusted proxy names in a header field."""

from __future__ import annotations

from tusd_py.auth.credentials import parse_identifier
from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Principal


class ProxyUsers:
    """An authenticator that believes the header field `header`, from trusted proxies alone."""

    def __init__(self, header: str) -> None:
        self._header = header

    async def identify(self, caller: Caller) -> Principal | None:
        """Return the user; None if the field is absent or empty, or comes from another peer. Raises Unauthenticated."""
        user = caller.headers.get(self._header, "").strip() if caller.proxied else ""
        return Principal(subject=parse_identifier(user)) if user else None

    async def aclose(self) -> None:
        """Return at once: there is no connection."""
