"""Several authenticators as one, which asks them in the order in which the setting `auth` names them."""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.auth import credentials
from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Principal
from tusd_py.ports.authenticator import Authenticator


class Chain:
    """An authenticator that asks several others in turn: the first that knows the credential decides."""

    def __init__(self, makers: Sequence[Authenticator]) -> None:
        self._makers = makers

    async def identify(self, caller: Caller) -> Principal | None:
        """Return the principal from the first authenticator that knows the request's credential; None if none knows it,
        and the request has no API key or token.

        Raises Unauthenticated, Forbidden or AuthUnavailable as the authenticators do; Unauthenticated also if none
        knows the API key or token of the request.
        """
        for maker in self._makers:
            principal = await maker.identify(caller)
            if principal is not None:
                return principal
        if credentials.is_present(caller):
            raise Unauthenticated(invalid=True)
        return None

    async def aclose(self) -> None:
        for maker in self._makers:
            await maker.aclose()
