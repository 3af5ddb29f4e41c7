"""The port for the progress of a request, which the client is told by interim responses."""

from __future__ import annotations

from typing import Protocol

from tusd_py.domain.upload import Upload


class Watcher(Protocol):
    """Tells a client, while its request is being served, how far the upload is. No method raises, and `on_progress`
    returns at once."""

    async def on_created(self, upload: Upload) -> bool:
        """Tell the client of the recorded upload's URL, before any of its bytes are taken. Returns True if the client
        was told."""

    def on_progress(self, upload: Upload) -> None:
        """Tell the client of the recorded offset, which has grown; some offsets may be left out."""


class NoWatcher:
    """A `Watcher` that tells no client anything: for requests whose clients get no interim responses."""

    async def on_created(self, upload: Upload) -> bool:  # noqa: ARG002  the port's signature
        return False

    def on_progress(self, upload: Upload) -> None:
        """Do nothing."""


NO_WATCHER = NoWatcher()
