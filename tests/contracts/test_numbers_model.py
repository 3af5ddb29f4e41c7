"""A state of each kind gives the events of any sequence of changes the numbers that a plain model gives them, and a
reader, which goes on from the last number it was told, learns the last number of each upload that is left."""

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
    """A plain model of the numbers that a state gives to events: `present` has the stored uploads, each with the number
    of its last event or of its creation, `last` is the last number given. `read` has the uploads that a reader was told
    of, and `read_up_to` is the last number it was told, from which it goes on."""

    present: dict[UploadId, Numbered] = field(default_factory=dict)
    last: int = 0
    read_up_to: int = 0
    read: dict[UploadId, Numbered] = field(default_factory=dict)

    def put(self, saved: Upload, events: int) -> None:
        present = self.present.get(saved.id)
        self.last += events if present else max(events, 1)
        self.present[saved.id] = Numbered(upload=saved, seq=self.last if events or not present else present.seq)

    def behind(self, since: int) -> list[Numbered]:
        return sorted(
            (numbered for numbered in self.present.values() if numbered.seq > since), key=lambda numbered: numbered.seq
        )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(plan=st.lists(steps, max_size=25))
async def test_numbers_are_those_of_a_plain_model(state: StateStore, plan: list[Step]) -> None:
    assert state.outbox is not None
    for numbered in await state.list(None, 10):
        await state.delete(numbered)
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
        upload_id: numbered.seq for upload_id, numbered in model.present.items()
    }


def note(model: Model, page: list[Numbered]) -> None:
    model.read |= {numbered.upload.id: numbered for numbered in page}
    model.read_up_to = page[-1].seq


async def run(state: StateStore, model: Model, step: Step) -> None:
    current = model.present.get(upload(step.number).id)
    if step.action == "read":
        page = list(await state.changed(model.read_up_to, step.limit))
        assert page == model.behind(model.read_up_to)[: step.limit]
        if page:
            note(model, page)
        return
    is_refused = current is not None if step.action == "create" else current is None or step.stale
    if is_refused and (current is not None or step.action != "delete"):
        with pytest.raises((Superseded, ValueError)):
            await change(state, model, step, current)
    else:
        await change(state, model, step, current)


async def change(state: StateStore, model: Model, step: Step, current: Numbered | None) -> None:
    planned = upload(step.number) if current is None else current.upload
    planned = replace(planned, revision=planned.revision + 7 * step.stale, offset=min(planned.offset + 1, 10))
    events = [event(planned, kind) for kind in step.events]
    if step.action == "delete":
        await state.delete(planned)
        model.present.pop(planned.id, None)
    elif step.action == "create":
        model.put(await state.create(planned, events=events), len(events))
    elif step.action == "rewind":
        model.put(await state.rewind(planned, [], events), len(events))
    else:
        phase = Phase.DONE if EventType.FINISHED in step.events else planned.phase
        model.put(await state.save(replace(planned, phase=phase), events=events), len(events))
