"""The tokens in the dashboard's forms: proof that a page of this installation with a form for the same action was sent
to the same principal within the last hour."""

from __future__ import annotations

import hashlib
import hmac
import json
import re

from tusd_py.domain.principal import Principal

_LIFETIME = 3600
"""Seconds for which a token is valid."""
_TOKEN = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")


class FormTokens:
    """The maker and checker of form tokens, keyed by the installation's id: each of its nodes accepts the tokens of the
    others."""

    def __init__(self, installation_id: str) -> None:
        self._key = hashlib.blake2b(b"dashboard form", key=installation_id.encode()).digest()

    def token(self, action: str, principal: Principal | None, now: float) -> str:
        """Return a token for forms of an action, such as `terminate`, sent to `principal` (None: a caller without a
        credential), valid for an hour from `now`, in seconds since the epoch."""
        expiry = int(now) + _LIFETIME
        return f"{expiry}.{self._tag(action, principal, expiry)}"

    def check(self, token: str, action: str, principal: Principal | None, now: float) -> bool:
        """Return True if the token was made, in this installation, for this action and the subject and tenant of
        `principal` (None: no credential), and hasn't expired at `now`, in seconds since the epoch."""
        match = _TOKEN.fullmatch(token)
        if match is None or int(match[1]) <= now:
            return False
        return hmac.compare_digest(match[2], self._tag(action, principal, int(match[1])))

    def _tag(self, action: str, principal: Principal | None, expiry: int) -> str:
        identity = None if principal is None else [principal.subject, principal.tenant]
        return hmac.new(self._key, json.dumps([expiry, action, identity]).encode(), hashlib.sha256).hexdigest()
