"""Any sequence of changes of any state is numbered like those of a plain model, and readers miss nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.events import event
from tests.support.uploads import upload
from tusd_py.domain.errors import Superseded
from tusd_py.domain.events import EventType
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.state import Numbered, StateStore


@dataclass(frozen=True)
class Step:
    action: str
    number: int
    stale: bool
    events: list[EventType]
    limit: int


steps = st.builds(
    Step,
    action=st.sampled_from(["create", "save", "save", "rewind", "delete", "read", "read"]),
    number=st.integers(0, 3),
    stale=st.sampled_from([False, False, False, True]),
    events=st.lists(st.sampled_from([EventType.CREATED, EventType.FINISHED, EventType.ROLLED_BACK]), max_size=2),
    limit=st.integers(1, 3),
)


@dataclass
class Model:
    """Numbers as plain as can be, and a reader that goes on from the last one that it was told."""

    present: dict[UploadId, Numbered] = field(default_factory=dict)
    last: int = 0
    read_up_to: int = 0
    read: dict[UploadId, Numbered] = field(default_factory=dict)

    def put(self, saved: Upload, events: int) -> None:
        known = self.present.get(saved.id)
        self.last += events if known else max(events, 1)
        self.present[saved.id] = Numbered(upload=saved, seq=self.last if events or not known else known.seq)

    def behind(self, since: int) -> list[Numbered]:
        return sorted((each for each in self.present.values() if each.seq > since), key=lambda each: each.seq)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(plan=st.lists(steps, max_size=25))
async def test_numbers_are_those_of_a_plain_model(state: StateStore, plan: list[Step]) -> None:
    assert state.outbox is not None
    for each in await state.list(None, 10):
        await state.delete(each)
    model = Model(last=await state.outbox.last_seq())
    model.read_up_to = model.last
    for step in plan:
        await run(state, model, step)
        assert list(await state.changed(0, 10)) == model.behind(0)
        assert await state.outbox.last_seq() == model.last
        assert await state.numbered(upload(step.number).id) == model.present.get(upload(step.number).id)
    while page := await state.changed(model.read_up_to, 2):
        note(model, list(page))
    assert {upload_id: model.read[upload_id].seq for upload_id in model.present} == {
        upload_id: each.seq for upload_id, each in model.present.items()
    }


def note(model: Model, page: list[Numbered]) -> None:
    model.read |= {each.upload.id: each for each in page}
    model.read_up_to = page[-1].seq


async def run(state: StateStore, model: Model, step: Step) -> None:
    known = model.present.get(upload(step.number).id)
    if step.action == "read":
        page = list(await state.changed(model.read_up_to, step.limit))
        assert page == model.behind(model.read_up_to)[: step.limit]
        if page:
            note(model, page)
        return
    is_refused = known is not None if step.action == "create" else known is None or step.stale
    if is_refused and (known is not None or step.action != "delete"):
        with pytest.raises((Superseded, ValueError)):
            await change(state, model, step, known)
    else:
        await change(state, model, step, known)


async def change(state: StateStore, model: Model, step: Step, known: Numbered | None) -> None:
    given = upload(step.number) if known is None else known.upload
    given = replace(given, revision=given.revision + 7 * step.stale, offset=min(given.offset + 1, 10))
    events = [event(given, kind) for kind in step.events]
    if step.action == "delete":
        await state.delete(given)
        model.present.pop(given.id, None)
    elif step.action == "create":
        model.put(await state.create(given, events=events), len(events))
    elif step.action == "rewind":
        model.put(await state.rewind(given, [], events), len(events))
    else:
        phase = Phase.DONE if EventType.FINISHED in step.events else given.phase
        model.put(await state.save(replace(given, phase=phase), events=events), len(events))
