"""The refusals of requests to follow uploads, jobs or events live, and of actions on an upload over its WebSocket or in
the dashboard."""

from __future__ import annotations

from tusd_py.domain.refusals import Refusal, ServiceUnavailable


class TooManyListeners(Refusal):
    """The upload, or the client, has as many listeners in this process as it may have."""

    code = "too-many-listeners"
    retry_after = 5


class ListenersFull(ServiceUnavailable):
    """This process has as many listeners as it takes."""

    code = "too-many-listeners"

    def __init__(self) -> None:
        super().__init__("the server has as many listeners as it takes; try again soon")


class ForeignOrigin(Refusal):
    """A page of another origin, which the settings for CORS don't allow, asks for a WebSocket: browsers don't keep
    pages from that, so the server checks Origin."""

    code = "origin"

    def __init__(self) -> None:
        super().__init__("pages of this origin can't open a socket here")


class TerminationDisabled(Refusal):
    """The settings don't let clients terminate uploads."""

    code = "termination-disabled"

    def __init__(self) -> None:
        super().__init__("clients can't terminate uploads here")


class UpgradeRequired(Refusal):
    """The URL takes only requests for a WebSocket (RFC 6455)."""

    code = "upgrade-required"

    def __init__(self) -> None:
        super().__init__("open a WebSocket here: Upgrade: websocket, version 13")
