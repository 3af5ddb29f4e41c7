"""The port to what is remembered of uploads. One record an upload, one compare-and-set a save."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tusd_py.domain.events import Event
from tusd_py.domain.space import Space
from tusd_py.domain.upload import Entry, Installation, Unfinished, Upload, UploadId
from tusd_py.ports.outbox import Outbox


class StateStore(Protocol):
    """Remembers uploads. Every method may raise StateUnavailable; every maker passes tests/contracts.

    A method that returned is durable: it survives the death of the process (and, where the engine can, of the machine).
    """

    @property
    def name(self) -> str:
        """What a person would call it, without secrets: `sqlite:/srv/state.db`."""

    @property
    def outbox(self) -> Outbox | None:
        """Hands out the events that come with changes; None where there is none, and they are dropped."""

    async def create(self, upload: Upload, entries: Sequence[Entry] = (), events: Sequence[Event] = ()) -> Upload:
        """Remember a new upload, at revision 1, and entries it may have.

        Events are stored in the same step, for the sinks that receive them (`Outbox.register`), with the upload as it
        is stored. Raises ValueError if the id is taken; StateFull.
        """

    async def load(self, upload_id: UploadId) -> Upload | None:
        """The upload in whatever phase it is, or None."""

    async def save(self, upload: Upload, added: Sequence[Entry] = (), events: Sequence[Event] = ()) -> Upload:
        """Replace the record whose revision is `upload.revision`, append `added` to its entries and store the events,
        in one step.

        Returns the upload at its new revision. Raises Superseded when the stored revision is another, or there is none.
        """

    async def rewind(self, upload: Upload, entries: Sequence[Entry], events: Sequence[Event] = ()) -> Upload:
        """The same as `save`, but `entries` take the place of all that were added so far."""

    async def entries(self, upload_id: UploadId) -> Sequence[Entry]:
        """All entries of an upload, in the order they were added. Empty for an unknown one."""

    async def delete(self, upload: Upload) -> None:
        """Forget the upload and its entries. Raises Superseded like `save`, unless it is already gone."""

    async def due(self, now: float, limit: int) -> Sequence[UploadId]:
        """Up to `limit` uploads whose `due_at` is at or before `now`, the longest due first."""

    async def list(self, after: UploadId | None, limit: int) -> Sequence[Upload]:
        """Up to `limit` uploads with ids greater than `after`, by id."""

    async def installation(self) -> Installation | None:
        """The installation that this state belongs to; None before its first start."""

    async def install(self, installation: Installation) -> Installation:
        """Remember that it belongs there, unless it has one already, in one step; returns the one it has."""

    async def reinstall(self, installation: Installation) -> None:
        """Remember this one, whichever it has."""

    async def ping(self) -> None:
        """Return if a save could succeed now."""

    async def space(self) -> Space | None:
        """The room for new uploads, cheaply; None where no end is known. Only `create` is refused when it is full."""

    async def unfinished(self) -> Unfinished:
        """How many uploads are unfinished, and how many bytes they claim: counted by each change, and cheap to ask."""

    async def aclose(self) -> None:
        """Let go of connections, files and threads."""
