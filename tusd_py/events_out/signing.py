"""The signature of calls (Standard Webhooks 1.0.0)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook


class Signer:
    """A signer with one secret, or with two while receivers change from one to the other. With none, calls get an id
    and a time but no signature.

    Secrets are `whsec_…`; `clock` returns seconds since the epoch.
    """

    def __init__(self, secrets: Sequence[str] = (), clock: Callable[[], float] = time.time) -> None:
        self._webhooks = [Webhook(secret) for secret in secrets]
        self._clock = clock

    def headers(self, message_id: str, body: bytes) -> Mapping[str, str]:
        """Return the header fields `webhook-…` of one attempt to send `body`, which must be UTF-8."""
        now = int(self._clock())
        headers = {"webhook-id": message_id, "webhook-timestamp": str(now)}
        if self._webhooks:
            at, text = datetime.fromtimestamp(now, UTC), body.decode()
            headers["webhook-signature"] = " ".join(hook.sign(message_id, at, text) for hook in self._webhooks)
        return headers
