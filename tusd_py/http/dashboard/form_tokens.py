"""The tokens in the dashboard's forms: proof that a page of this server was sent to the same principal lately."""

from __future__ import annotations

import hashlib
import hmac
import json
import re

from tusd_py.domain.principal import Principal

_LIFETIME = 3600
"""Seconds."""
_TOKEN = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")


class FormTokens:
    """The tokens of one installation, which all of its nodes make and check."""

    def __init__(self, installation_id: str) -> None:
        self._key = hashlib.blake2b(b"dashboard form", key=installation_id.encode()).digest()

    def token(self, principal: Principal | None, now: float) -> str:
        """Return a token that is good for an hour; None is a caller without a credential."""
        expiry = int(now) + _LIFETIME
        return f"{expiry}.{self._tag(principal, expiry)}"

    def check(self, token: str, principal: Principal | None, now: float) -> bool:
        """Return True for a token of this principal that is still good."""
        match = _TOKEN.fullmatch(token)
        if match is None or int(match[1]) <= now:
            return False
        return hmac.compare_digest(match[2], self._tag(principal, int(match[1])))

    def _tag(self, principal: Principal | None, expiry: int) -> str:
        identity = None if principal is None else [principal.subject, principal.tenant]
        return hmac.new(self._key, json.dumps([expiry, identity]).encode(), hashlib.sha256).hexdigest()
