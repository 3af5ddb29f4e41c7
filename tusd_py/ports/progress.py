"""The port for the progress of a request, which the client is told by interim responses."""

from __future__ import annotations

from typing import Protocol

from tusd_py.domain.upload import Upload


class Watcher(Protocol):
    """Tells a client, while its request is being served, how far the upload is. No method raises, and `on_progress`
    returns at once."""

    async def on_created(self, upload: Upload) -> bool:
        """Handle the recorded creation, before the first byte. Returns True if the client now knows the upload's
        URL."""

    def on_progress(self, upload: Upload) -> None:
        """Handle a recorded growth of the offset."""


class NoWatcher:
    """A watcher that does nothing, for requests whose clients get no interim responses."""

    async def on_created(self, upload: Upload) -> bool:  # noqa: ARG002  the port's signature
        return False

    def on_progress(self, upload: Upload) -> None:
        """Do nothing."""


NO_WATCHER = NoWatcher()
