"""The phases of an upload's life."""

from __future__ import annotations

import enum


class Phase(enum.StrEnum):
    """The phase of an upload's life. `lifecycle.FOLLOWING` lists the allowed transitions."""

    OPEN = "open"
    """Takes bytes."""
    FINISHING = "finishing"
    """Every byte is recorded; the object is being assembled, if need be by the next request or sweep."""
    DONE = "done"
    """The object exists, with the right size."""
    TERMINATING = "terminating"
    """Clients no longer see it; what it holds in the storage is being removed."""
    GONE = "gone"
    """Only the record that it existed is left (answered with 410 where that is set)."""


ALIVE = frozenset({Phase.OPEN, Phase.FINISHING, Phase.DONE})
UNFINISHED = frozenset({Phase.OPEN, Phase.FINISHING})
