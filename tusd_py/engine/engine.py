"""The dependencies of the use cases, in one value."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from tusd_py.domain.account import SHARED, Account
from tusd_py.domain.answers import NO_ANSWER, Answer
from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.checkpoint import Cursor
from tusd_py.domain.copying import copy_with
from tusd_py.domain.errors import Locked, StorageUnavailable
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Intent
from tusd_py.domain.lifecycle import begin
from tusd_py.domain.limits import Limits
from tusd_py.domain.names import is_hidden
from tusd_py.domain.principal import NO_ACCOUNT, NO_ALLOWANCE, Allowance, Grant, Quota, account_of
from tusd_py.domain.refusals import NameTaken
from tusd_py.domain.rights import Rights
from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.free_space import FreeSpace
from tusd_py.engine.open_uploads import OpenUploads
from tusd_py.engine.quotas import Quotas
from tusd_py.engine.rate_limiter import RateLimiter
from tusd_py.engine.records import Records
from tusd_py.ports.locks import Lease, Locker
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer
from tusd_py.ports.policy import AllowAll, Policy
from tusd_py.ports.questions import NoQuestions, Questions
from tusd_py.ports.scanner import Scanner
from tusd_py.ports.state import StateStore
from tusd_py.ports.storage import Storage
from tusd_py.transfer.file_marks import FileMarks


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """The settings of the scan of each upload before it is finished."""

    scanner: Scanner
    accepts_unscanned: bool
    """True if an upload that is beyond the scanner's limits is finished nevertheless."""


class PendingEnd(NamedTuple):
    """The end of an upload that is still to be recorded: an attempt failed, or the upload's creation got no answer
    (`engine.terminate`)."""

    reason: Reason
    refund: Grant | None
    """The grant of which a use is given back; None for none."""
    unless_done: bool = False
    """True if the upload stays when a request has finished it meanwhile."""
    until: float = 0.0
    """The time, in seconds since the epoch, up to which the creation may still take effect; 0 for a recorded upload."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The dependencies of the use cases: the adapters behind their ports, the limits, the clock and the source of new
    ids. It has no slots: `copy_with` copies it for each request."""

    records: Records = field(init=False)
    quotas: Quotas = field(init=False)

    storage: Storage
    state: StateStore
    locker: Locker
    limits: Limits
    observer: Observer
    rights: Rights = field(default_factory=Rights)
    policy: Policy = field(default_factory=AllowAll)
    questions: Questions = field(default_factory=NoQuestions)
    screening: Screening | None = None
    """The scan of each upload before it is finished; None for none."""
    caller: Caller = NO_CALLER
    """The client on whose request the engine acts."""
    answers: list[Answer] | None = None
    """The answers of hooks that the response to this request is merged with, the latest last; None without a request.
    """
    meter: Meter = field(default_factory=Meter)
    clock: Callable[[], float]
    new_id: Callable[[], UploadId]
    base_path: str
    """The path of the creation endpoint, with a final slash: clients name partial uploads by URLs below it."""
    unrecorded: set[UploadId] = field(default_factory=set)
    """Uploads whose trouble (`Records.remember_trouble`) isn't recorded yet, as no attempt has succeeded so far."""
    pending_ends: dict[UploadId, PendingEnd] = field(default_factory=dict)
    """The uploads that this process's sweeps try again to end, by id: the first attempt failed, or the state gave no
    answer to the creation."""
    lock_wait: float = 10.0
    """Seconds to wait for a lock: enough for the lock holder to record its bytes and release the lock."""

    free_space: FreeSpace = field(default_factory=FreeSpace)
    creations: RateLimiter = field(default_factory=lambda: RateLimiter(None, source="your account"))
    """The limit on creations by each account: at the rate of its credential, else of the settings."""
    open_uploads: OpenUploads = field(default_factory=OpenUploads)
    """The count of unfinished uploads; it is one of the observers behind `observer`."""
    quota: Quota | None = None
    """The quota of the settings: it holds for each number that an account's credential doesn't set. None for none."""
    thresholds: Thresholds = DEFAULT
    marks: FileMarks | None = None
    """The marks of file types by which the first bytes of uploads are judged; None if uploads aren't judged."""

    def __post_init__(self) -> None:
        quotas = Quotas(state=self.state, default=self.quota)
        records = Records(
            state=self.state,
            storage=self.storage,
            limits=self.limits,
            observer=self.observer,
            caller=self.caller,
            clock=self.clock,
            quotas=quotas,
            thresholds=self.thresholds,
            unrecorded=self.unrecorded,
        )
        object.__setattr__(self, "records", records)
        object.__setattr__(self, "quotas", quotas)

    def acting_for(self, caller: Caller) -> Engine:
        """Return a copy of the engine for one request of the caller: events name the caller, the policy checks
        the caller, and `answers` collects the answers of hooks.
        """
        return self._copied(replace(self.records, caller=caller), caller=caller, answers=[])

    def refunding(self) -> Engine:
        """Return a copy of the engine for a creation whose client doesn't know of the upload yet: if the upload
        ends for any reason, the use of the caller's grant is given back.
        """
        return self.giving_back(self.allowance.grant)

    def giving_back(self, grant: Grant | None) -> Engine:
        """Return a copy of the engine that gives back a use of `grant` when it ends an upload; with None, it gives back
        none."""
        return self._copied(replace(self.records, refund=grant))

    def _copied(self, records: Records, **changes: Any) -> Engine:
        """Return a copy of the engine that writes uploads' records with `records`, and has the attributes in `changes`
        replaced."""
        engine = copy_with(self, **changes)
        object.__setattr__(engine, "records", records)
        return engine

    def answer(self, answer: Answer) -> None:
        """Have the answer of a hook merged into the response to the current request; do nothing if the engine serves no
        request."""
        if self.answers is not None and answer != NO_ANSWER:
            self.answers.append(answer)

    @property
    def asks_before_finish(self) -> bool:
        """True if an upload with all its bytes is finished only after a scan or a hook's answer."""
        return self.screening is not None or self.questions.asks_before_finish

    @property
    def allowance(self) -> Allowance:
        """The limits that the caller's credential sets to the uploads created with it."""
        return NO_ALLOWANCE if self.caller.principal is None else self.caller.principal.allowance

    def authorize(self, intent: Intent, upload: Upload | None) -> None:
        """Raise Refusal unless the caller has the right to the intent on the upload as stored. `upload` is None for a
        creation, or if no upload is stored. Use cases for clients call this before any other check of the upload, so
        that another owner's upload looks like a missing one."""
        self.rights.check(intent, self.caller, upload)

    def may_read(self, upload: Upload) -> bool:
        """Return True if the caller may read the upload once it is finished."""
        return self.rights.reads(self.caller, upload)

    async def allow(self, intent: Intent, upload: Upload) -> None:
        """Raise Refusal unless the policy allows the intent on the upload: the recorded one, perhaps with what the
        request changes in it, or the one to be created. The policy's answer is merged into the response to the current
        request.
        """
        self.answer(await self.policy.allow(self.caller, intent, upload))

    async def measure_stores(self) -> None:
        """Update the free space and the count of unfinished uploads from the stores. A background task calls this, so
        that requests don't wait for the stores."""
        stores = {"state": self.state.space, "storage": self.storage.space}
        await self.free_space.measure(stores, self.observer, self.meter)
        await self.open_uploads.recount(self.state.unfinished, self.meter)

    @property
    def account(self) -> Account:
        """The account that the uploads created by the caller are charged to."""
        name, quota = account_of(self.caller.principal), self.allowance.quota
        if name == NO_ACCOUNT and quota is None:
            return SHARED
        return Account(name=name, quota_bytes=None if quota is None else quota.max_bytes)

    async def create(self, planned: Upload) -> Upload:
        """Record a new upload and return it.

        Raises StoreFull, TooManyRequests, TooManyUploads, OverQuota, NameTaken, TokenUsedUp, Unavailable.
        """
        self.free_space.check()
        account, allowance = self.account, self.allowance
        with self.open_uploads.admitting(planned):
            self.creations.check(account.name, allowance.rate)
            upload = await self._placed(
                copy_with(
                    planned,
                    owner=None if self.caller.principal is None else self.caller.principal.subject,
                    account=account,
                    trace=self.caller.trace,
                    key_prefix=allowance.key_prefix,
                    types=allowance.types,
                    asks_before_finish=self.questions.asks_before_finish,
                )
            )
            quota = self.quotas.for_creation(account, allowance.quota)
            return await self.records.create(begin(upload), quota, allowance.grant)

    async def _placed(self, planned: Upload) -> Upload:
        """Return the upload with the cursor that it begins with. Raises NameTaken if a hook or a credential chose the
        key of its object and the storage can't give it that key (`Storage.occupied`), or the server's own routes hide
        the upload's URL; StorageUnavailable."""
        if is_hidden(planned.url_name, self.base_path):
            raise NameTaken
        upload = copy_with(planned, cursor=self.storage.start(planned))
        if upload.chosen_key is not None and await self.storage.occupied(upload):
            raise NameTaken
        return upload

    def patience(self, upload: Upload) -> float:
        """Return the seconds that a request may wait for the upload's lock without making the lock holder lose bytes: 0
        for an unresumable upload, so that the holder isn't asked to release the lock (`hold`)."""
        return 0.0 if upload.unresumable else self.lock_wait

    @asynccontextmanager
    async def hold_for(
        self, intent: Intent, upload_id: UploadId, on_release_request: Callable[[], None] = lambda: None
    ) -> AsyncIterator[tuple[Lease, Upload | None]]:
        """Lock the upload, as `hold` does; yield the lease, and the upload as stored, or None.

        The caller's right to the intent is checked first: a caller without it doesn't make a lock holder
        release the lock. `on_release_request` is called when another request wants the lock, or the lease is
        lost. Raises Refusal, Locked, StateUnavailable.
        """
        if self.rights.authenticating:
            self.authorize(intent, await self.state.load(upload_id))
        async with self.hold(upload_id, on_release_request) as lease:
            yield lease, await self.state.load(upload_id)

    @asynccontextmanager
    async def hold(
        self, upload_id: UploadId, on_release_request: Callable[[], None] = lambda: None, *, wait: float | None = None
    ) -> AsyncIterator[Lease]:
        """Hold the lock of the upload until the context ends. Waits up to `wait` seconds for it (None: for
        `Engine.lock_wait`); with 0, the current holder isn't asked to release the lock. `on_release_request` is called
        when another request wants the lock, or the lease is lost. Raises Locked, StateUnavailable."""
        seconds = self.lock_wait if wait is None else wait
        started, got = time.perf_counter(), False
        try:
            async with self.locker.hold(upload_id, on_release_request=on_release_request, wait=seconds) as lease:
                got = True
                self.meter.lock_waited(time.perf_counter() - started, got=True)
                async with self._passing_on_trouble(upload_id, lease):
                    yield lease
        except Locked:
            if not got:
                self.meter.lock_waited(time.perf_counter() - started, got=False)
            raise

    @asynccontextmanager
    async def _passing_on_trouble(self, upload_id: UploadId, lease: Lease) -> AsyncIterator[None]:
        """Record, on entry, the trouble that earlier lock holders left (`Records.remember_trouble`). If trouble is
        still unrecorded at the end, mark the lease as abandoned, so that the next lock holder records it."""
        try:
            if lease.abandoned or upload_id in self.unrecorded:
                await self.records.remember_trouble(upload_id)
            yield
        finally:
            if upload_id in self.unrecorded:
                lease.abandon()

    async def delete_superseded(self, before: Sequence[Cursor], current: Sequence[Cursor]) -> bool:
        """Remove what cursors of `before` name and none of `current` does, such as segments, but never an upload's
        object. If the storage fails, report that and return False; else return True."""
        try:
            await self.storage.delete_superseded(before, current)
        except StorageUnavailable as error:
            self.observer.trouble("left behind", reason=str(error))
            return False
        return True
