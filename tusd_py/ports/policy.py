"""The port to rights: who may do what with which upload."""

from __future__ import annotations

from typing import Protocol

from tusd_py.domain.caller import Caller
from tusd_py.domain.intents import Intent
from tusd_py.domain.upload import Upload


class Policy(Protocol):
    """Judges each intent once: after it was planned, so that it can come about, and before its body is read."""

    async def allow(self, caller: Caller, intent: Intent, upload: Upload) -> None:
        """Return if the caller may do that with the upload: the recorded one, or the one to be created.

        Raises Refusal. The upload's lock may be held meanwhile, and is renewed: other requests for it wait, or are
        answered 423.
        """


class AllowAll:
    """A policy that refuses nothing."""

    async def allow(self, caller: Caller, intent: Intent, upload: Upload) -> None:
        """Return."""
