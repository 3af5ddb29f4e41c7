"""The port to the makers of principals: JWT, API keys, upload tokens, authentication servers, proxies."""

from __future__ import annotations

from typing import Protocol

from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Principal


class Authenticator(Protocol):
    """Checks the credential of a request."""

    async def identify(self, caller: Caller) -> Principal | None:
        """Return the principal of the request's credential; None if it has no credential of a known kind.

        Raises Unauthenticated for a credential that isn't good, Forbidden, AuthUnavailable if that can't be known now.
        """

    async def aclose(self) -> None:
        """Close the connections."""
