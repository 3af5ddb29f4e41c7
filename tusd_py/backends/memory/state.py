"""A state store in memory, which is lost when the process ends: for trials and tests."""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.backends.memory.accounts import MemoryAccounts
from tusd_py.backends.memory.jobs import MemoryJobs
from tusd_py.backends.memory.outbox import MemoryOutbox
from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.copying import copy_with
from tusd_py.domain.errors import Superseded
from tusd_py.domain.events import Event
from tusd_py.domain.installation import Installation
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.record_json import advance, decode, decode_entry, encode, encode_entry
from tusd_py.domain.refusals import NameTaken
from tusd_py.domain.space import Space
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.domain.usage import Usage
from tusd_py.ports.state import Numbered, Unfinished


class MemoryState:
    """A `StateStore` in memory. It keeps JSON text like the durable stores, so that it accepts and returns the same."""

    name = "memory:"

    def __init__(self) -> None:
        self._documents: dict[UploadId, str] = {}
        self._entries: dict[UploadId, list[str]] = {}
        self._seqs: dict[UploadId, int] = {}
        self._claims: dict[UploadId, int] = {}
        self._names: dict[str, UploadId] = {}
        self._keys: dict[str, UploadId] = {}
        """The ids of the uploads for whose object a hook or a credential chose the key, by that key, with its bucket if
        a hook chose that, too (`Upload.claimed_key`)."""
        self._accounts = MemoryAccounts()
        self._installation: Installation | None = None
        self.outbox = MemoryOutbox()
        self.jobs = MemoryJobs(self.outbox)

    async def create(
        self,
        upload: Upload,
        entries: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        grant: Grant | None = None,
    ) -> Upload:
        if upload.id in self._documents:
            raise ValueError(f"upload {upload.id} exists")
        if upload.name in self._names or upload.claimed_key in self._keys:
            raise NameTaken
        self._accounts.create(upload, quota, grant)
        if upload.name is not None:
            self._names[upload.name] = upload.id
        if upload.claimed_key is not None:
            self._keys[upload.claimed_key] = upload.id
        return self._put(copy_with(upload, revision=1), entries, events)

    async def load(self, upload_id: UploadId) -> Upload | None:
        document = self._documents.get(upload_id)
        return None if document is None else decode(document)

    async def resolve(self, name: str) -> UploadId | None:
        return self._names.get(name)

    async def save(
        self,
        upload: Upload,
        added: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        refund: Grant | None = None,
    ) -> Upload:
        self._expect(upload)
        self._accounts.save(upload, quota, refund)
        return self._put(advance(upload), added, events)

    async def rewind(self, upload: Upload, entries: Sequence[Entry], events: Sequence[Event] = ()) -> Upload:
        self._expect(upload)
        self._accounts.save(upload)
        self._entries[upload.id] = []
        return self._put(advance(upload), entries, events)

    async def entries(self, upload_id: UploadId) -> Sequence[Entry]:
        return [decode_entry(entry) for entry in self._entries.get(upload_id, ())]

    async def delete(self, upload: Upload) -> None:
        if upload.id in self._documents:
            self._expect(upload)
            del self._documents[upload.id], self._entries[upload.id], self._seqs[upload.id]
            self._claims.pop(upload.id, None)
            if upload.name is not None:
                self._names.pop(upload.name, None)
            if upload.claimed_key is not None:
                self._keys.pop(upload.claimed_key, None)
            self._accounts.delete(upload.id)

    async def numbered(self, upload_id: UploadId) -> Numbered | None:
        return self._numbered(upload_id) if upload_id in self._documents else None

    async def changed(self, since: int, limit: int) -> Sequence[Numbered]:
        seqs = sorted((seq, upload_id) for upload_id, seq in self._seqs.items() if seq > since)
        return [self._numbered(upload_id) for _, upload_id in seqs[:limit]]

    async def due(self, now: float, limit: int) -> Sequence[UploadId]:
        uploads = map(decode, self._documents.values())
        due = sorted((upload.due_at, upload.id) for upload in uploads if upload.due_at is not None)
        return [upload_id for due_at, upload_id in due if due_at <= now][:limit]

    async def list(self, after: UploadId | None, limit: int) -> Sequence[Upload]:
        ids = sorted(upload_id for upload_id in self._documents if after is None or upload_id > after)
        return [decode(self._documents[upload_id]) for upload_id in ids[:limit]]

    async def installation(self) -> Installation | None:
        return self._installation

    async def install(self, installation: Installation) -> Installation:
        self._installation = self._installation or installation
        return self._installation

    async def reinstall(self, installation: Installation) -> None:
        self._installation = installation

    async def ping(self) -> None:
        """Do nothing: memory is always available."""

    async def space(self) -> Space | None:
        return None

    async def unfinished(self) -> Unfinished:
        return Unfinished(count=len(self._claims), claimed=sum(self._claims.values()))

    async def usage(self, account: str) -> Usage:
        return self._accounts.usage(account)

    async def usages(self, after: str | None, limit: int) -> Sequence[Usage]:
        return self._accounts.usages(after, limit)

    async def recount(self) -> int:
        return 0  # no other process changes an upload

    async def aclose(self) -> None:
        """Do nothing: no resource is open."""

    def _numbered(self, upload_id: UploadId) -> Numbered:
        return Numbered(upload=decode(self._documents[upload_id]), seq=self._seqs[upload_id])

    def _expect(self, upload: Upload) -> None:
        document = self._documents.get(upload.id)
        if document is None or decode(document).revision != upload.revision:
            raise Superseded(f"upload {upload.id} is no longer at revision {upload.revision}")

    def _put(self, upload: Upload, added: Sequence[Entry], events: Sequence[Event]) -> Upload:
        document, entries = encode(upload), [encode_entry(entry) for entry in added]
        self._documents[upload.id] = document
        self._entries.setdefault(upload.id, []).extend(entries)
        self._claims.pop(upload.id, None)
        if upload.claim is not None:
            self._claims[upload.id] = upload.claim
        if events or upload.id not in self._seqs:
            self._seqs[upload.id] = self.outbox.store(events, upload, document)
        return upload
