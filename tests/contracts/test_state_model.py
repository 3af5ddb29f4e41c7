"""Any sequence of calls to any state store does what a plain model of it does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.uploads import upload
from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.errors import Superseded
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.state import StateStore, Unfinished


@dataclass
class Model:
    """A plain model of a state store: the records, and their entries."""

    uploads: dict[UploadId, Upload] = field(default_factory=dict)
    entries: dict[UploadId, list[Entry]] = field(default_factory=dict)

    def current(self, record: Upload) -> bool:
        stored = self.uploads.get(record.id)
        return stored is not None and stored.revision == record.revision

    def put(self, record: Upload, added: list[Entry]) -> None:
        self.uploads[record.id] = record
        self.entries.setdefault(record.id, []).extend(added)


@dataclass(frozen=True)
class Step:
    action: str
    number: int
    revision: int
    expires_at: float | None
    phase: Phase
    length: int | None
    added: list[Entry]


steps = st.builds(
    Step,
    action=st.sampled_from(["create", "save", "save", "save", "rewind", "delete"]),
    number=st.integers(0, 3),
    revision=st.integers(0, 4),
    expires_at=st.none() | st.floats(0, 100),
    phase=st.sampled_from(Phase),
    length=st.none() | st.integers(0, 99),
    added=st.lists(st.fixed_dictionaries({"part": st.integers(0, 99)}), max_size=2),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(plan=st.lists(steps, max_size=25))
async def test_any_sequence_of_calls_does_what_a_plain_model_does(state: StateStore, plan: list[Step]) -> None:
    for old in await state.list(None, 100):
        await state.delete(old)
    model = Model()
    for step in plan:
        await take(step, state, model)
    await assert_same(state, model)


async def take(step: Step, state: StateStore, model: Model) -> None:
    changes = {"expires_at": step.expires_at, "phase": step.phase, "length": step.length, "offset": step.number}
    given_upload = upload(step.number, revision=step.revision, **changes)
    if step.action == "create":
        await create(given_upload, state, model)
    elif step.action == "save":
        await save(given_upload, step.added, state, model)
    elif step.action == "rewind":
        await rewind(given_upload, step.added, state, model)
    else:
        await delete(given_upload, state, model)


async def create(given_upload: Upload, state: StateStore, model: Model) -> None:
    if given_upload.id in model.uploads:
        with pytest.raises(ValueError, match="exists"):
            await state.create(given_upload)
    else:
        model.put(await state.create(given_upload), [])
        assert model.uploads[given_upload.id] == replace(given_upload, revision=1)


async def save(given_upload: Upload, added: list[Entry], state: StateStore, model: Model) -> None:
    if model.current(given_upload):
        model.put(await state.save(given_upload, added), added)
    else:
        with pytest.raises(Superseded):
            await state.save(given_upload, added)


async def rewind(given_upload: Upload, entries: list[Entry], state: StateStore, model: Model) -> None:
    if model.current(given_upload):
        model.put(await state.rewind(given_upload, entries), [])
        model.entries[given_upload.id] = entries
    else:
        with pytest.raises(Superseded):
            await state.rewind(given_upload, entries)


async def delete(given_upload: Upload, state: StateStore, model: Model) -> None:
    if given_upload.id in model.uploads and not model.current(given_upload):
        with pytest.raises(Superseded):
            await state.delete(given_upload)
    else:
        await state.delete(given_upload)
        model.uploads.pop(given_upload.id, None)
        model.entries.pop(given_upload.id, None)


async def assert_same(state: StateStore, model: Model) -> None:
    claims = [record.claim for record in model.uploads.values() if record.claim is not None]
    assert await state.unfinished() == Unfinished(count=len(claims), claimed=sum(claims))
    assert list(await state.list(None, 100)) == [model.uploads[record] for record in sorted(model.uploads)]
    due = sorted((record.due_at, record.id) for record in model.uploads.values() if record.due_at is not None)
    assert list(await state.due(50.0, 100)) == [upload_id for due_at, upload_id in due if due_at <= 50.0]
    for upload_id, entries in model.entries.items():
        assert list(await state.entries(upload_id)) == entries
