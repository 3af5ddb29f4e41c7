"""The refusals of credentials, tokens and quotas, as errors."""

from __future__ import annotations

from tusd_py.domain.principal import Principal
from tusd_py.domain.refusals import Refusal, ServiceUnavailable


class Unauthenticated(Refusal):
    """The request needs a credential (RFC 6750, 3), and has none or one that isn't good. Without `auth`: the request
    asks for uploads, jobs or events of all clients, and the server doesn't listen on loopback alone, the client isn't
    on this machine, or another site may have sent the request through its browser (`LocalAccess`)."""

    code = "unauthenticated"

    def __init__(
        self,
        message: str = "",
        *,
        invalid: bool = False,
        challenge: str | None = None,
        expired: Principal | None = None,
    ) -> None:
        usual = "the credential isn't good: get a new one" if invalid else "send a credential: Authorization"
        super().__init__(message or usual)
        self.challenge = challenge or ('Bearer error="invalid_token"' if invalid else "Bearer")
        """The value of WWW-Authenticate."""
        self.expired = expired
        """The principal of an upload token that was good until it expired; None for any other credential."""


class InsufficientScope(Refusal):
    """The credential is good, but not for this use (RFC 6750, 3.1)."""

    code = "insufficient-scope"


class AuthUnavailable(ServiceUnavailable):
    """The credential can't be checked now: the server that checks credentials, or the one that publishes the keys for
    that, gave no answer, or one that can't be used, such as a 500."""

    code = "auth-unavailable"

    def __init__(self) -> None:
        super().__init__("the credential can't be checked right now; try again soon")


class OverQuota(Refusal):
    """The upload would take its account past a quota: of bytes, or of unfinished uploads."""

    code = "over-quota"


class TokenUsedUp(Refusal):
    """The upload token was used as often as it may be."""

    code = "token-used-up"

    def __init__(self) -> None:
        super().__init__("the upload token was used as often as it may be: get a new one")


class BadToken(Refusal):
    """A form of the dashboard has no token that this installation made, within the last hour, for the caller's
    principal and the form's action."""

    code = "bad-token"

    def __init__(self) -> None:
        super().__init__("the form is too old, or another user's: load the page again")
