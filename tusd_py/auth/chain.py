"""The makers of principals as one authenticator, which asks them in the order of the setting `auth`."""

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
        """Return the principal; None for a request without a credential.

        Raises Unauthenticated, also for a credential that no authenticator knows, Forbidden and AuthUnavailable.
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
