"""The port to the state: one record per upload, and one compare-and-set per save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.events import Event
from tusd_py.domain.installation import Installation
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.space import Space
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.domain.usage import Usage
from tusd_py.ports.jobs import JobStore
from tusd_py.ports.outbox import Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """The totals of all open or finishing uploads. Those that nodes of an earlier version changed may be counted
    wrongly until the state has recounted them."""

    count: int = 0
    claimed: int = 0
    """The sum of the bytes that these uploads claim (`Upload.claim`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """An upload and its number: that of its last event, or of its creation if it has had no event; or one taken later,
    if a node of an earlier version left the upload without a number."""

    upload: Upload
    seq: int


class StateStore(Protocol):
    """Stores the records of uploads. Every method may raise StateUnavailable, or ConfigurationError for a state that
    this server must not use; every adapter passes tests/contracts.

    A change is durable once its method returns: except in the state in memory, it survives a crash of the process (and,
    if the database can, of the machine). Each change of a record changes the usage of the upload's account by the
    difference of the old and the new charge (`domain.usage`), in one transaction, unless a final upload has taken over
    the charge. A refused change changes nothing.
    """

    @property
    def name(self) -> str:
        """The name for people, without secrets: `sqlite:/srv/state.db`."""

    @property
    def outbox(self) -> Outbox | None:
        """The outbox for the events of changes; None if there is none, and events are dropped."""

    @property
    def jobs(self) -> JobStore:
        """The records of jobs."""

    async def create(
        self,
        upload: Upload,
        entries: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        grant: Grant | None = None,
    ) -> Upload:
        """Store a new upload, at revision 1, with its entries.

        Stores its events in the same transaction, for the sinks that receive them (`Outbox.register`), with the upload
        as stored, and counts a use of the grant. A final upload takes over what its partial ones are charged for: these
        are charged to no account from now on.

        Raises ValueError if the id is taken; NameTaken if the name or the chosen key is; TokenUsedUp if the grant has
        no use left; OverQuota if the account's usage would grow past the quota; StateFull.
        """

    async def load(self, upload_id: UploadId) -> Upload | None:
        """Return the upload, in any phase, or None."""

    async def resolve(self, name: str) -> UploadId | None:
        """Return the id of the upload, in any phase, whose URL has this name in place of the id (`Upload.name`); None
        if there is none."""

    async def save(
        self,
        upload: Upload,
        added: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        refund: Grant | None = None,
    ) -> Upload:
        """Replace the record whose revision is `upload.revision`, append `added` to its entries and store the events,
        in one transaction; with `refund`, give a use of that grant back. An upload keeps the name in its URL and the
        account of its creation.

        Returns the upload at its new revision. Raises Superseded if the stored revision is another, or if no record is
        stored; OverQuota like `create`.
        """

    async def rewind(self, upload: Upload, entries: Sequence[Entry], events: Sequence[Event] = ()) -> Upload:
        """Do the same as `save`, but replace all entries by `entries`."""

    async def entries(self, upload_id: UploadId) -> Sequence[Entry]:
        """Return all entries of an upload, in the order of their addition. Empty for an unknown upload."""

    async def delete(self, upload: Upload) -> None:
        """Delete the upload and its entries. Raises Superseded like `save`, unless the record is already gone."""

    async def numbered(self, upload_id: UploadId) -> Numbered | None:
        """Return the upload, in any phase, with its number (`Numbered`); None if there is no such upload."""

    async def changed(self, since: int, limit: int) -> Sequence[Numbered]:
        """Return up to `limit` uploads, in any phase, with numbers above `since`, by number.

        Each event takes the next number in the transaction of its change, also if it is stored for no subscription. A
        creation without an event takes a number, too; a save without an event takes none, unless a node of an earlier
        version left the upload without a number. Once a number was returned, all smaller ones are committed.
        """

    async def due(self, now: float, limit: int) -> Sequence[UploadId]:
        """Return up to `limit` uploads whose `due_at` is at or before `now`, the longest due first."""

    async def list(self, after: UploadId | None, limit: int) -> Sequence[Upload]:
        """Return up to `limit` uploads with ids greater than `after` (None: from the first), by id."""

    async def installation(self) -> Installation | None:
        """Return the installation that is recorded in this state; None before the first is recorded."""

    async def install(self, installation: Installation) -> Installation:
        """Store the installation unless there is one, in one transaction; return the stored one."""

    async def reinstall(self, installation: Installation) -> None:
        """Store the installation, in place of any that is stored."""

    async def ping(self) -> None:
        """Raise StateUnavailable unless a save can succeed now."""

    async def space(self) -> Space | None:
        """Return the free space for new uploads; None if no limit is known. Cheap. Without free space, the creation of
        uploads and jobs raises StateFull, while records can still be saved and deleted."""

    async def unfinished(self) -> Unfinished:
        """Return the number of unfinished uploads and the bytes that they claim. Cheap: each change updates them."""

    async def usage(self, account: str) -> Usage:
        """Return the usage of an account, all zero if no upload is charged to it. Cheap: each change updates it."""

    async def usages(self, after: str | None, limit: int) -> Sequence[Usage]:
        """Return up to `limit` usages of accounts greater than `after` (None: from the first), by account (in code
        points)."""

    async def recount(self) -> int:
        """Correct the charge and the claim of each upload by its record: nodes of earlier versions change records
        without counting. Returns the number of uploads that were charged wrongly; SQLite also counts those with a wrong
        claim."""

    async def aclose(self) -> None:
        """Close connections and files, and end threads."""
