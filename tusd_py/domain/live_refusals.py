"""The refusals of routes for listeners, as errors."""

from __future__ import annotations

from tusd_py.domain.refusals import Refusal, ServiceUnavailable


class TooManyListeners(Refusal):
    """One upload, or one client, has as many listeners as it may."""

    code = "too-many-listeners"
    retry_after = 5


class ListenersFull(ServiceUnavailable):
    """The process has as many listeners as it takes."""

    code = "too-many-listeners"

    def __init__(self) -> None:
        super().__init__("the server has as many listeners as it takes; try again soon")


class ForeignOrigin(Refusal):
    """A page of another site opens a WebSocket, which browsers let any page do."""

    code = "origin"

    def __init__(self) -> None:
        super().__init__("pages of this origin can't open a socket here")


class TerminationDisabled(Refusal):
    """Clients can't terminate uploads here."""

    code = "termination-disabled"

    def __init__(self) -> None:
        super().__init__("clients can't terminate uploads here")


class UpgradeRequired(Refusal):
    """The URL speaks WebSocket alone (RFC 6455)."""

    code = "upgrade-required"

    def __init__(self) -> None:
        super().__init__("open a WebSocket here: Upgrade: websocket, version 13")
