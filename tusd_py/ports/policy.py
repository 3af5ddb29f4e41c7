"""The port to access control: which caller may do what with which upload."""

from __future__ import annotations

from typing import Protocol

from tusd_py.domain.answers import NO_ANSWER, Answer
from tusd_py.domain.caller import Caller
from tusd_py.domain.intents import Intent
from tusd_py.domain.upload import Upload


class Policy(Protocol):
    """Allows or refuses the intents of clients: asked at most once for each, before any bytes for the upload are read.
    Most of the server's own checks of the intent come first; some, such as those of quotas, follow."""

    async def allow(self, caller: Caller, intent: Intent, upload: Upload) -> Answer:
        """Raise Refusal unless the caller may do what the intent asks with the upload: the recorded one, perhaps with
        the changes that the request asks for, or the one to be created.

        Returns the answer that the response is merged with. The upload's lock may be held and renewed meanwhile: other
        requests for the upload wait, or are answered 423.
        """


class AllowAll:
    """A policy that refuses nothing."""

    async def allow(self, caller: Caller, intent: Intent, upload: Upload) -> Answer:  # noqa: ARG002 - the port's
        return NO_ANSWER
