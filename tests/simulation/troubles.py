"""An observer that keeps the reported troubles."""

from __future__ import annotations

from tusd_py.ports.observer import Observer


class Troubles(Observer):
    """An observer that records the troubles that the nodes of a simulated world report, as texts, except those about
    the free space of a store."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def trouble(self, message: str, **fields: object) -> None:
        if "store" not in fields:  # a store that is full has been filled
            self.messages.append(f"{message} {fields}")
