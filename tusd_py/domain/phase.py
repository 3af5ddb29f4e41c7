"""The phases of an upload's life."""

from __future__ import annotations

import enum


class Phase(enum.StrEnum):
    """The phase of an upload's life. `lifecycle.FOLLOWING` lists the allowed transitions."""

    OPEN = "open"
    """More bytes are to come, or the request that completes the upload. During a pause, bytes are refused."""
    FINISHING = "finishing"
    """Every byte is recorded. The object is still to be made, or to be checked (digest, scan) or allowed by a hook. If
    a request fails before that is done, the next request or sweep tries again."""
    DONE = "done"
    """The object exists, with the right size."""
    TERMINATING = "terminating"
    """The upload has ended for clients. The storage may still hold something of it, which is being removed."""
    GONE = "gone"
    """Only the record is left, to tell that the upload existed (answered with 410 if `gone-status` says so)."""


ALIVE = frozenset({Phase.OPEN, Phase.FINISHING, Phase.DONE})
UNFINISHED = frozenset({Phase.OPEN, Phase.FINISHING})
