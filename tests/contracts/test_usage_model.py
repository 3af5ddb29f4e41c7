"""After any changes in any order the usage of an account is the sum of its uploads' charges."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.uploads import upload
from tusd_py.domain.access_refusals import OverQuota, TokenUsedUp
from tusd_py.domain.account import Account
from tusd_py.domain.errors import Superseded
from tusd_py.domain.phase import Phase
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.refusals import NameTaken
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.domain.usage import Usage, charge_of
from tusd_py.ports.state import StateStore

_REFUSED = (NameTaken, OverQuota, TokenUsedUp)
_USES = 3


@dataclass(frozen=True)
class Step:
    action: str
    number: int
    account: str
    phase: Phase
    length: int | None
    offset: int
    reserved: int
    partials: Sequence[int]
    name: str | None
    quota: Quota | None
    granted: bool

    def upload(self, revision: int) -> Upload:
        """Return the record, at this revision, that has the values of this step, one random call of the state store."""
        return upload(
            self.number,
            revision=revision,
            kind=Kind.FINAL if self.partials else Kind.REGULAR,
            partials=tuple(upload(number).id for number in self.partials),
            phase=self.phase,
            length=self.length,
            offset=self.offset,
            name=self.name,
            account=Account(name=self.account, reserved=self.reserved),
        )


steps = st.builds(
    Step,
    action=st.sampled_from(["create", "create", "save", "save", "save", "rewind", "delete", "recount"]),
    number=st.integers(0, 4),
    account=st.sampled_from(["-", "a", "a/b"]),
    phase=st.sampled_from(Phase),
    length=st.none() | st.integers(0, 99),
    offset=st.integers(0, 99),
    reserved=st.integers(0, 99),
    partials=st.just(()) | st.lists(st.integers(0, 4), max_size=3),
    name=st.none() | st.sampled_from(["x", "y"]),
    quota=st.none() | st.builds(Quota, max_bytes=st.none() | st.integers(0, 200), max_uploads=st.none() | st.just(2)),
    granted=st.booleans(),
)


@dataclass
class Model:
    """A plain model of the accounts: sums over records."""

    uploads: dict[UploadId, Upload] = field(default_factory=dict)
    taken_over: set[UploadId] = field(default_factory=set)
    uses: int = 0

    def usage(self, account: str) -> Usage:
        charged = [
            charge_of(record)
            for record in self.uploads.values()
            if record.account.name == account and record.id not in self.taken_over
        ]
        return Usage(
            account=account,
            stored=sum(charge.stored for charge in charged),
            reserved=sum(charge.reserved or 0 for charge in charged),
            uploads=sum(charge.reserved is not None for charge in charged),
        )

    def refuses(self, planned: Upload, quota: Quota | None) -> bool:
        """Return True if saving `planned` would make the usage of its account grow past `quota`; False without a quota,
        or if a final upload has taken over the charge."""
        if quota is None or planned.id in self.taken_over:
            return False
        before, after = self.usage(planned.account.name), self.after(planned).usage(planned.account.name)
        stored = self.uploads.get(planned.id)
        begins = charge_of(planned).reserved is not None and (stored is None or charge_of(stored).reserved is None)
        most_bytes, most_uploads = (99**9 if limit is None else limit for limit in (quota.max_bytes, quota.max_uploads))
        return (before.total < after.total > most_bytes) or (begins and before.uploads >= most_uploads)

    def without(self, upload_id: UploadId) -> Model:
        """Return the model without the upload."""
        remaining = {other_id: record for other_id, record in self.uploads.items() if other_id != upload_id}
        return replace(self, uploads=remaining, taken_over=self.taken_over - {upload_id})

    def after(self, planned: Upload) -> Model:
        """Return the model once `planned` is saved; this one stays as it is."""
        is_new = planned.id not in self.uploads
        taken_over = {partial for partial in planned.partials if partial in self.uploads} if is_new else set()
        return Model(self.uploads | {planned.id: planned}, self.taken_over | taken_over, self.uses)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(plan=st.lists(steps, max_size=25))
async def test_usage_is_the_sum_over_records(state: StateStore, plan: list[Step]) -> None:
    for old in await state.list(None, 100):
        await state.delete(old)
    grant = Grant(jti=f"{id(plan)} {len(plan)}", max_uses=_USES, expires_at=4e9)
    model = Model()
    for step in plan:
        model = await take(step, state, model, grant)
    await assert_same(state, model)
    assert await state.recount() == 0
    await assert_same(state, model)


async def take(step: Step, state: StateStore, model: Model, grant: Grant) -> Model:
    stored = model.uploads.get(upload(step.number).id)
    if step.action == "recount":
        assert await state.recount() == 0
    elif step.action == "create":
        return await create(step, state, model, grant)
    elif stored is not None and step.action == "delete":
        await state.delete(stored)
        return model.without(stored.id)
    elif stored is not None:
        return await change(step, stored, state, model)
    return model


async def create(step: Step, state: StateStore, model: Model, grant: Grant) -> Model:
    planned, refused = step.upload(0), True
    name_is_taken = any(record.name == step.name for record in model.uploads.values() if step.name is not None)
    used_up = step.granted and model.uses >= _USES
    with suppress(ValueError, *_REFUSED):
        created = await state.create(planned, quota=step.quota, grant=grant if step.granted else None)
        refused = False
    assert refused == (planned.id in model.uploads or name_is_taken or used_up or model.refuses(planned, step.quota))
    if refused:
        return model
    grown = model.after(created)
    return replace(grown, uses=grown.uses + step.granted)


async def change(step: Step, stored: Upload, state: StateStore, model: Model) -> Model:
    planned = step.upload(stored.revision)
    account = replace(planned.account, name=stored.account.name)
    merged = replace(planned, account=account, name=stored.name, partials=stored.partials)
    if step.action == "rewind":
        return model.after(await state.rewind(merged, []))
    saved = None
    with suppress(OverQuota):
        saved = await state.save(merged, quota=step.quota)
    assert (saved is None) == model.refuses(merged, step.quota)
    with suppress(Superseded):
        await state.save(replace(merged, revision=stored.revision - 1))
        raise AssertionError("an older revision was saved")
    return model if saved is None else model.after(saved)


async def assert_same(state: StateStore, model: Model) -> None:
    expected = [model.usage(account) for account in ("-", "a", "a/b")]
    assert [await state.usage(usage.account) for usage in expected] == expected
    used = [usage for usage in expected if usage != Usage(account=usage.account)]
    assert list(await state.usages(None, 10)) == used
    assert {upload_id: record.revision for upload_id, record in model.uploads.items()} == {
        record.id: record.revision for record in await state.list(None, 10)
    }
