"""The port to the adapters that make a principal of a credential: JWT, API key, upload token, authentication server,
proxy."""

from __future__ import annotations

from typing import Protocol

from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Principal


class Authenticator(Protocol):
    """Checks the credential of a request."""

    async def identify(self, caller: Caller) -> Principal | None:
        """Return the principal of the request's credential, or of a request that an authentication server allows; None
        if the request has no credential that this authenticator knows.

        Raises Unauthenticated for a credential that isn't valid, or if an authentication server asks for one; Forbidden
        if an authentication server forbids the request; AuthUnavailable if the request can't be checked now.
        """

    async def aclose(self) -> None:
        """Close the connections to the servers that credentials are checked with, if there are any."""
