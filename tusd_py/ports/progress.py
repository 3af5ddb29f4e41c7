"""Who is told, while a request is served, of what has just been recorded: for answers on the way."""

from __future__ import annotations

from typing import Protocol

from tusd_py.domain.upload import Upload


class Watcher(Protocol):
    """The one who asked. Neither method raises, and `moved` returns at once."""

    async def begun(self, upload: Upload) -> bool:
        """The upload is remembered, and its bytes may come. True if its client knows its URL from now on."""

    def moved(self, upload: Upload) -> None:
        """Its offset has grown."""


class Nobody:
    """Behind `Watcher`: hears nothing before the answer."""

    async def begun(self, upload: Upload) -> bool:  # noqa: ARG002  the port's signature
        return False

    def moved(self, upload: Upload) -> None:
        """Nobody to tell."""


NOBODY = Nobody()
