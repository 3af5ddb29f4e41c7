"""The port to a receiver of events."""

from __future__ import annotations

from typing import Protocol

from tusd_py.ports.outbox import Delivery


class DeliveryFailed(Exception):
    """An attempt to send an event failed; the event is sent again later, unless that was the last attempt. The message
    is a few words without secrets, and without the body of a request or an answer."""

    def __init__(self, message: str, *, retry_after: float | None = None, unsubscribed: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds that the receiver asks to wait at least; None if it didn't ask."""
        self.unsubscribed = unsubscribed
        """True if the receiver wants no more events: the sink is paused until the process starts again."""


class Sink(Protocol):
    """Sends events to one receiver, which recognizes a repeated event by its id."""

    async def publish(self, delivery: Delivery) -> None:
        """Send one event, and return once the receiver has confirmed it; return at once if the sink's format can't
        express the event. Raises DeliveryFailed."""

    async def aclose(self) -> None:
        """Close the connections to the receiver."""
