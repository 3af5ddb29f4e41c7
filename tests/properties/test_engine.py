"""Under any requests and failures, answers stay true, complete uploads are whole, and nothing is left of ended
uploads."""

from __future__ import annotations

import hashlib
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from tests.simulation.loop import SimulatedLoop
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, sha1
from tusd_py.domain.digest import Checksum, WholeDigest
from tusd_py.domain.errors import Superseded, Unavailable
from tusd_py.domain.intents import Completion
from tusd_py.domain.phase import Phase
from tusd_py.domain.principal import NO_ACCOUNT, Quota
from tusd_py.domain.refusals import Refusal, UploadNotFound
from tusd_py.domain.thresholds import Thresholds
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.domain.usage import Usage, charge_of
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.lookup import inspect
from tusd_py.engine.terminate import terminate
from tusd_py.ports.body import BodyEnd

T = TypeVar("T")
EXPIRE_AFTER = 100.0
QUOTA = 120
"""Most bytes of all uploads together, few enough that some uploads are refused."""
_NOT_TAKEN = (Refusal, Superseded, Unavailable)
"""The errors of a request that isn't known to have taken effect. A save that did, but whose answer got lost,
raises `Superseded` when it is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request body: the sizes of its chunks, the seed of their random bytes, how it ends, and which checksum is
    announced for it: `none`, the `right` one or a `wrong` one."""

    sizes: list[int]
    seed: int
    end: BodyEnd
    checksum: str

    @property
    def chunks(self) -> list[bytes]:
        random = Random(self.seed)
        return [random.randbytes(size) for size in self.sizes]

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def announced(self) -> Checksum | None:
        return {"none": None, "right": sha1(self.data), "wrong": sha1(self.data + b"!")}[self.checksum]

    def body(self) -> ScriptedBody:
        return ScriptedBody(*self.chunks, end=self.end)


@dataclass(slots=True, kw_only=True)
class Known:
    """A client's view of its upload; `touched` is the time of the last change that the client knows of, from which the
    upload's life is counted."""

    id: UploadId
    acknowledged: bytes
    """The bytes below the offset that the client was told last."""
    touched: float


bodies = st.builds(
    Sent,
    sizes=st.lists(st.integers(1, 12), max_size=5),
    seed=st.integers(0, 2**32),
    end=st.sampled_from([BodyEnd.COMPLETE, BodyEnd.COMPLETE, BodyEnd.CUT, BodyEnd.IDLE, BodyEnd.STOPPED]),
    checksum=st.sampled_from(["none", "none", "right", "wrong"]),
)
lengths = st.none() | st.integers(0, 40)
completions = st.just(Completion.WHEN_FULL) | st.sampled_from(Completion)
wholes = st.none() | st.just(WholeDigest(algorithm="sha256"))


class Clients(RuleBasedStateMachine):
    """The clients of one engine whose storage and state, in memory, fail now and then. The clock is simulated, so
    waiting takes no time."""

    uploads = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self.loop = SimulatedLoop()
        self.harness = self.run(_engine())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @rule(target=uploads, length=lengths, content=st.none() | bodies, completion=completions, whole=wholes)
    def create(
        self, length: int | None, content: Sent | None, completion: Completion, whole: WholeDigest | None
    ) -> Any:
        checksum = content.announced if content else None
        intent = creating(length, body=content is not None, checksum=checksum, completion=completion, whole=whole)
        try:
            upload = self.run(create(self.harness.engine, intent, content.body() if content else ScriptedBody()))
        except _NOT_TAKEN:
            return multiple()
        view = Known(
            id=upload.id, acknowledged=(content.data if content else b"")[: upload.offset], touched=self.harness.now
        )
        self.check(view, upload)
        return view

    @rule(
        view=uploads,
        content=bodies,
        length=lengths,
        shift=st.sampled_from([0, 0, 0, 0, 1, -1]),
        completion=completions,
        whole=wholes,
    )
    def append(
        self,
        view: Known,
        content: Sent,
        length: int | None,
        shift: int,
        completion: Completion,
        whole: WholeDigest | None,
    ) -> None:
        offset = max(len(view.acknowledged) + shift, 0)
        intent = appending(offset, length=length, checksum=content.announced, completion=completion, whole=whole)
        try:
            upload = self.run(append(self.harness.engine, view.id, intent, content.body()))
        except _NOT_TAKEN:
            self.settle(view, view.acknowledged + content.data)
            return
        assert offset == len(view.acknowledged), "bytes were taken at another offset"
        view.acknowledged += content.data[: upload.offset - offset]
        view.touched = upload.times.updated_at  # a body without a byte moves nothing
        self.check(view, upload)

    @rule(view=uploads)
    def inspect(self, view: Known) -> None:
        self.settle(view, view.acknowledged)

    @rule(view=consumes(uploads))
    def terminate(self, view: Known) -> None:
        self.mend()
        try:
            self.run(terminate(self.harness.engine, view.id))
        except UploadNotFound:
            assert self.harness.now >= view.touched + EXPIRE_AFTER, "it vanished"
        else:
            self.check_gone(view)

    @rule(seconds=st.sampled_from([1.0, 40.0, 120.0]))
    def wait(self, seconds: float) -> None:
        self.harness.now += seconds
        with suppress(Unavailable):
            self.run(sweep(self.harness.engine))

    @rule(countdown=st.integers(0, 6), times=st.integers(1, 3), answer_lost=st.booleans(), storage=st.booleans())
    def break_something(self, *, countdown: int, times: int, answer_lost: bool, storage: bool) -> None:
        fuse = self.harness.storage.fuse if storage else self.harness.state.fuse
        fuse.blow(countdown, times=times, answer_lost=answer_lost)

    @invariant()
    def usage_is_the_sum_over_records(self) -> None:
        """Check that the usage is the sum of the records' charges, and that these don't exceed the quota."""
        charges = [charge_of(upload) for upload in self.run(self.harness.state.inner.list(None, 1000))]
        assert self.run(self.harness.state.inner.usage(NO_ACCOUNT)) == Usage(
            account=NO_ACCOUNT,
            stored=sum(charge.stored for charge in charges),
            reserved=sum(charge.reserved or 0 for charge in charges),
            uploads=sum(charge.reserved is not None for charge in charges),
        )
        assert sum(charge.total for charge in charges) <= QUOTA

    def settle(self, view: Known, possible: bytes) -> None:
        """End all faults, then check that the upload's offset is at least the acknowledged one and at most the length
        of `possible`, the bytes it has if all that was sent was taken; note the bytes below the offset as acknowledged.
        The upload may be gone only if it has expired."""
        self.mend()
        try:
            upload = self.run(inspect(self.harness.engine, view.id))
        except UploadNotFound:
            assert self.harness.now >= view.touched + EXPIRE_AFTER, "it vanished"
            return
        assert len(view.acknowledged) <= upload.offset <= len(possible)
        view.acknowledged = possible[: upload.offset]
        view.touched = max(view.touched, upload.times.updated_at)
        self.check(view, upload)

    def check(self, view: Known, upload: Upload) -> None:
        assert upload.offset == len(view.acknowledged)
        assert upload.done == upload.full, "told as complete, or as open, and isn't"
        if upload.done:
            assert self.harness.stored(upload) == view.acknowledged
        if upload.done and upload.digest:
            assert upload.digest.value == hashlib.sha256(view.acknowledged).hexdigest()

    def check_gone(self, view: Known) -> None:
        """Check that the upload's bytes are gone, and its record too, unless an unanswered request to the storage may
        still take effect."""
        assert view.id not in self.harness.stored_names
        for upload in self.run(self.harness.uploads()):
            if upload.id == view.id:
                assert upload.phase is Phase.TERMINATING
                assert upload.settled_at > self.harness.now

    def mend(self) -> None:
        self.harness.storage.fuse.mend()
        self.harness.state.fuse.mend()

    def teardown(self) -> None:
        with self.loop:
            self.end()

    def end(self) -> None:
        self.mend()
        for upload in self.run(self.harness.uploads()):
            with suppress(UploadNotFound):
                self.run(terminate(self.harness.engine, upload.id))
        self.harness.now += 2 * EXPIRE_AFTER
        self.run(sweep(self.harness.engine))
        assert self.run(self.harness.residue()) == []


async def _engine() -> Harness:
    harness = Harness(expire_after=EXPIRE_AFTER)
    quota, thresholds = Quota(max_bytes=QUOTA, max_uploads=9), Thresholds(reservation=16)
    harness.engine = replace(harness.engine, quota=quota, thresholds=thresholds)
    return harness


TestClients = Clients.TestCase
TestClients.settings = settings(max_examples=300, stateful_step_count=25, deadline=None)
