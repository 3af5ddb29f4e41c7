"""Hooks are asked before an upload is recorded, before it is done, and before a client ends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.domain.answers import NO_ANSWER, NO_CHANGE, Answer, FileChange
from tusd_py.domain.caller import Caller
from tusd_py.domain.events import EventType, Reason
from tusd_py.domain.hook_refusals import HookFailed, TerminationRejected, UploadRejected, UploadStopped
from tusd_py.domain.intents import Body, Read
from tusd_py.domain.lifecycle import resume
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import NotReady, Refusal, UploadLocked, UploadNotFound
from tusd_py.domain.upload import Kind, Upload
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.engine import Engine
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.lookup import finished, inspect
from tusd_py.engine.repair import repair
from tusd_py.engine.terminate import terminate
from tusd_py.ports.questions import DeferredQuestions

ALICE = Caller(address="192.0.2.7", method="POST", request_id="r-1")
SEEN = Answer(status=201, body="seen", headers={"X-Row": "7"})


class Report:
    """A stand-in for the reporter that tells a hook of the progress of a request: it adds each offset it is told of
    to `offsets`. With `stops` it acts as if the hook stopped the upload: it calls `stop` at each offset, and `end`
    returns UploadStopped."""

    def __init__(self, offsets: list[int], stop: Callable[[], None], *, stops: bool) -> None:
        self._offsets, self._stop, self._stops = offsets, stop, stops

    def tell(self, upload: Upload) -> None:
        self._offsets.append(upload.offset)
        if self._stops:
            self._stop()

    async def end(self) -> UploadStopped | None:
        return UploadStopped() if self._stops else None


class Hooks:
    """Hooks that keep each question in `questions`, and raise `error` if it is set, else return `answer` and, before a
    creation, `change`; `offsets` has the reported progress, and `stops` makes them stop each upload."""

    asks_before_finish = True

    def __init__(self) -> None:
        self.questions = list[tuple[str, Caller, Upload]]()
        self.error: Refusal | None = None
        self.answer, self.change = NO_ANSWER, NO_CHANGE
        self.offsets, self.stops = list[int](), False

    async def before_create(self, caller: Caller, planned: Upload) -> tuple[FileChange, Answer]:
        self._ask("create", caller, planned)
        return self.change, self.answer

    async def before_finish(self, caller: Caller, upload: Upload) -> Answer:
        self._ask("finish", caller, upload)
        return self.answer

    async def before_terminate(self, caller: Caller, upload: Upload) -> Answer:
        self._ask("terminate", caller, upload)
        return self.answer

    def report_progress(self, caller: Caller, stop: Callable[[], None]) -> Report:
        assert caller is ALICE
        return Report(self.offsets, stop, stops=self.stops)

    def _ask(self, question: str, caller: Caller, upload: Upload) -> None:
        self.questions.append((question, caller, upload))
        if self.error is not None:
            raise self.error

    @property
    def names(self) -> list[str]:
        return [question for question, _, _ in self.questions]


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
def engine(harness: Harness, hooks: Hooks) -> Engine:
    """The engine, acting for alice, with the hooks."""
    harness.engine = replace(harness.engine, questions=hooks)
    return harness.engine.acting_for(ALICE)


async def test_a_creation_is_asked_about_before_anything_is_recorded(
    engine: Engine, harness: Harness, hooks: Hooks
) -> None:
    body = ScriptedBody(b"abc")
    for error in (HookFailed(), UploadRejected(SEEN)):
        hooks.error = error
        with pytest.raises(type(error)):
            await create(engine, creating(3, body=True), body)
    assert not body.continued
    assert await harness.uploads() == []
    assert harness.observer.events == []


async def test_a_hook_replaces_the_metadata(engine: Engine, harness: Harness, hooks: Hooks) -> None:
    hooks.change = FileChange(metadata={"row": b"7"})
    upload = await create(engine, creating(3, metadata={"filename": b"a"}), ScriptedBody())
    assert (await harness.record(upload)).metadata == {"row": b"7"}
    assert [event.upload.metadata for event in harness.observer.changes] == [{"row": b"7"}]


@pytest.mark.parametrize("size", [0, 3, 20], ids=["empty", "one object", "parts"])
async def test_an_upload_is_done_once_the_hook_has_answered(
    engine: Engine, harness: Harness, hooks: Hooks, size: int
) -> None:
    hooks.answer = SEEN
    upload = await create(engine, creating(size, body=True), ScriptedBody(bytes(size)))
    assert upload.done
    assert engine.answers == [SEEN, SEEN]
    assert (await harness.record(upload)).answer == SEEN
    [_, (_, caller, upload_in_question)] = hooks.questions
    assert (caller, upload_in_question.offset, upload_in_question.phase) == (ALICE, size, Phase.DONE)


async def test_a_hook_that_gives_no_answer_leaves_the_upload_finishing(
    engine: Engine, harness: Harness, hooks: Hooks
) -> None:
    upload = await create(engine, creating(3), ScriptedBody())
    hooks.error = HookFailed()
    with pytest.raises(HookFailed):
        await append(engine, upload.id, appending(0), ScriptedBody(b"abc"))
    stored = await harness.record(upload)
    assert (stored.phase, stored.offset) == (Phase.FINISHING, 3)
    assert harness.observer.count("finished") == 0
    with pytest.raises(UploadLocked):
        await inspect(engine, upload.id)
    with pytest.raises(NotReady):
        await finished(engine, upload.id, Read())
    assert hooks.names == ["create", "finish"]
    hooks.error, hooks.answer = None, SEEN
    again = harness.engine.acting_for(ALICE)
    assert (await append(again, upload.id, appending(3), ScriptedBody())).done
    assert again.answers == [SEEN]
    assert harness.observer.count("finished") == 1
    assert harness.stored(upload) == b"abc"


async def test_a_repeated_request_gets_the_stored_answer(engine: Engine, harness: Harness, hooks: Hooks) -> None:
    """A client that repeats the request which completed its upload gets the stored answer of the hook, and no hook is
    asked."""
    hooks.answer = SEEN
    upload = await create(engine, creating(3, body=True), ScriptedBody(b"abc"))
    hooks.questions.clear()
    again = harness.engine.acting_for(ALICE)
    await append(again, upload.id, appending(3), ScriptedBody())
    assert (again.answers, hooks.questions) == ([SEEN], [])


async def test_the_sweep_asks_again_after_some_seconds(engine: Engine, harness: Harness, hooks: Hooks) -> None:
    upload = await create(engine, creating(3), ScriptedBody())
    hooks.error = HookFailed()
    with pytest.raises(HookFailed):
        await append(engine, upload.id, appending(0), ScriptedBody(b"abc"))
    hooks.questions.clear()
    for seconds, questions in ((4, 0), (2, 1), (3, 1), (3, 2)):
        harness.now += seconds
        await sweep(harness.engine)
        assert len(hooks.questions) == questions
    hooks.error = None
    harness.now += 6
    await sweep(harness.engine)
    assert (await harness.record(upload)).done


async def test_an_upload_that_a_hook_rejects_at_its_end_is_removed(
    engine: Engine, harness: Harness, hooks: Hooks
) -> None:
    upload = await create(engine, creating(3), ScriptedBody())
    hooks.error = UploadRejected(SEEN)
    with pytest.raises(UploadRejected):
        await append(engine, upload.id, appending(0), ScriptedBody(b"abc"))
    assert await harness.residue() == []
    last = harness.observer.changes[-1]
    assert (last.type, last.reason) == (EventType.TERMINATED, Reason.REFUSED)
    with pytest.raises(UploadNotFound):
        await inspect(engine, upload.id)


@pytest.mark.parametrize("error", [HookFailed(), TerminationRejected()])
async def test_a_termination_that_a_hook_refuses_changes_nothing(
    engine: Engine, harness: Harness, hooks: Hooks, error: Refusal
) -> None:
    upload = await create(engine, creating(3, body=True), ScriptedBody(b"abc"))
    before = await harness.record(upload)
    hooks.error = error
    with pytest.raises(type(error)):
        await terminate(engine, upload.id)
    assert await harness.record(upload) == before


async def test_an_operator_ends_an_upload_without_asking(engine: Engine, hooks: Hooks) -> None:
    upload = await create(engine, creating(3), ScriptedBody())
    hooks.error = TerminationRejected()
    await terminate(engine, upload.id, Reason.OPERATOR)
    assert hooks.names == ["create"]


async def test_a_hook_gets_the_recorded_offsets(engine: Engine, hooks: Hooks) -> None:
    await create(engine, creating(20, body=True), ScriptedBody(bytes(10), bytes(10)))
    assert hooks.offsets == sorted(hooks.offsets)
    assert hooks.offsets[-1] == 20


async def _append(engine: Engine, body: ScriptedBody) -> None:
    upload = await create(engine, creating(40), ScriptedBody())
    await append(engine, upload.id, appending(0, size=40), body)


async def _create(engine: Engine, body: ScriptedBody) -> None:
    await create(engine, replace(creating(40), body=Body(length=40)), body)


@pytest.mark.parametrize("fill", [_create, _append])
async def test_a_hook_stops_an_upload_which_is_removed(
    engine: Engine, harness: Harness, hooks: Hooks, fill: Callable[[Engine, ScriptedBody], Awaitable[None]]
) -> None:
    hooks.stops = True
    with pytest.raises(UploadStopped):
        await fill(engine, ScriptedBody(bytes(20), stalls=True))
    assert await harness.residue() == []
    last = harness.observer.changes[-1]
    assert (last.type, last.reason) == (EventType.TERMINATED, Reason.REFUSED)


async def test_a_process_without_hooks_leaves_the_finish_to_a_server(
    engine: Engine, harness: Harness, hooks: Hooks
) -> None:
    upload = await create(engine, creating(3), ScriptedBody())
    hooks.error = HookFailed()
    with pytest.raises(HookFailed):
        await append(engine, upload.id, appending(0), ScriptedBody(b"abc"))
    operator = replace(harness.engine, questions=DeferredQuestions())
    harness.now += 100
    await sweep(operator)
    assert [mended.done async for mended in repair(operator, apply=True)] == [False]
    assert (await harness.record(upload)).phase is Phase.FINISHING
    assert "finished" not in [change.type for change in harness.observer.changes]
    hooks.error = None
    harness.now += 100
    await sweep(engine)
    assert (await harness.record(upload)).done


async def test_a_final_upload_is_done_though_its_partial_is_gone(
    engine: Engine, harness: Harness, hooks: Hooks
) -> None:
    """A sweep finishes a final upload though its partial is gone, if its object was made while the hook gave no
    answer."""
    source = await create(engine, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    planned = Upload(id=harness.engine.new_id(), kind=Kind.FINAL, length=3, offset=3, times=source.times)
    final = await engine.create(resume(replace(planned, partials=(source.id,))))
    hooks.error = HookFailed()
    harness.now += 60
    await sweep(engine)
    await terminate(harness.engine, source.id, Reason.OPERATOR)
    hooks.error = None
    for _ in range(2):
        harness.now += 3600
        await sweep(engine)
    record = await harness.record(final)
    assert (record.phase, harness.stored(record)) == (Phase.DONE, b"abc")
