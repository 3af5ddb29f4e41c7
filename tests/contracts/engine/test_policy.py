"""The policy is asked once about each intent, once it is planned and before the body is read; a refusal changes
nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.support.direct_access import ScriptedAccess, direct
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.domain.answers import NO_ANSWER, Answer
from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.errors import Locked
from tusd_py.domain.intents import Append, Begin, Continue, Create, Inspect, Intent, Read, Terminate
from tusd_py.domain.principal import Principal
from tusd_py.domain.refusals import Forbidden, OffsetMismatch, UploadNotFound
from tusd_py.domain.upload import Upload
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.direct import abort, announce, begin, complete, open_parts, parts, sign_part
from tusd_py.engine.engine import Engine
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.lookup import finished, inspect
from tusd_py.engine.terminate import terminate

ALICE = Caller(address="192.0.2.7", principal=Principal(subject="alice"), method="POST", request_id="r-1")
PARTS = Begin(mode=DirectMode.PARTS, length=5)


class Asked:
    """A policy that keeps the arguments of each call, waits for `answering`, and raises Forbidden if `refuses`."""

    def __init__(self) -> None:
        self.questions = list[tuple[Caller, Intent, Upload]]()
        self.refuses = False
        self.question, self.answering = asyncio.Event(), asyncio.Event()
        self.answering.set()

    async def allow(self, caller: Caller, intent: Intent, upload: Upload) -> Answer:
        self.questions.append((caller, intent, upload))
        self.question.set()
        await self.answering.wait()
        if self.refuses:
            raise Forbidden("not you")
        return NO_ANSWER


@pytest.fixture
def policy() -> Asked:
    return Asked()


@pytest.fixture
def engine(harness: Harness, policy: Asked) -> Engine:
    """The engine, acting for alice, with the storage's direct access and the policy."""
    direct(harness)
    harness.engine = replace(harness.engine, policy=policy)
    return harness.engine.acting_for(ALICE)


async def _whole(engine: Engine) -> Upload:
    return await create(engine, creating(3, body=True), ScriptedBody(b"abc"))


async def _open(engine: Engine) -> Upload:
    return await create(engine, creating(9), ScriptedBody())


def _key(engine: Engine, upload: Upload) -> str:
    assert isinstance(engine.storage.direct, ScriptedAccess)
    return engine.storage.direct.key(upload)


async def _begin(engine: Engine) -> Upload:
    return await begin(engine, PARTS)


async def _announced(engine: Engine) -> Upload:
    return await announce(engine, PARTS)


Use = Callable[[Engine, Upload], Awaitable[object]]
USES: dict[str, tuple[type[Intent], Callable[[Engine], Awaitable[Upload]], Use]] = {
    "create": (Create, _open, lambda engine, _: _whole(engine)),
    "append": (Append, _open, lambda engine, upload: append(engine, upload.id, appending(0), ScriptedBody(b"a"))),
    "inspect": (Inspect, _open, lambda engine, upload: inspect(engine, upload.id)),
    "inspect what is done": (Inspect, _whole, lambda engine, upload: inspect(engine, upload.id)),
    "read": (Read, _whole, lambda engine, upload: finished(engine, upload.id, Read())),
    "terminate": (Terminate, _open, lambda engine, upload: terminate(engine, upload.id)),
    "begin": (Begin, _open, lambda engine, _: begin(engine, PARTS)),
    "open": (Continue, _announced, lambda engine, upload: open_parts(engine, upload.id, _key(engine, upload), {})),
    "sign": (Continue, _begin, lambda engine, upload: sign_part(engine, upload.id, _key(engine, upload), 1, None)),
    "list": (Continue, _begin, lambda engine, upload: parts(engine, upload.id, _key(engine, upload))),
    "abort": (Terminate, _begin, lambda engine, upload: abort(engine, upload.id, _key(engine, upload))),
}


@pytest.mark.parametrize("use", USES)
async def test_each_use_asks_once(engine: Engine, harness: Harness, policy: Asked, use: str) -> None:
    """Each use case in `USES` asks the policy once; a refusal changes nothing."""
    intent, prepare, do = USES[use]
    upload, second_upload = await prepare(engine), await prepare(engine)
    policy.questions.clear()
    await do(engine, second_upload)
    [(caller, question, about)] = policy.questions
    assert (caller, type(question)) == (ALICE, intent)
    assert intent in {Create, Begin} or about.id == second_upload.id
    policy.refuses, before = True, (await harness.uploads(), harness.stored_names, list(harness.observer.events))
    with pytest.raises(Forbidden, match="not you"):
        await do(engine, upload)
    assert (await harness.uploads(), harness.stored_names, list(harness.observer.events)) == before


async def test_a_refused_body_is_not_read(engine: Engine, policy: Asked) -> None:
    upload, body = await _open(engine), ScriptedBody(b"abc")
    policy.refuses = True
    with pytest.raises(Forbidden):
        await append(engine, upload.id, appending(0), body)
    with pytest.raises(Forbidden):
        await create(engine, creating(3, body=True), body)
    assert not body.continued


async def test_parts_are_not_read_without_permission(engine: Engine, policy: Asked) -> None:
    """The list of parts in a client's request isn't read if the policy refuses to let the client complete the
    upload."""
    upload = await _begin(engine)
    policy.refuses = True

    async def read_parts() -> list[object]:
        raise AssertionError("it was read")

    with pytest.raises(Forbidden):
        await complete(engine, upload.id, _key(engine, upload), read_parts)  # type: ignore[arg-type]


async def test_an_impossible_use_asks_nothing(engine: Engine, policy: Asked) -> None:
    upload = await _open(engine)
    policy.questions.clear()
    with pytest.raises(OffsetMismatch):
        await append(engine, upload.id, appending(5), ScriptedBody(b"abc"))
    with pytest.raises(UploadNotFound):
        await inspect(engine, type(upload.id)("f" * 32))
    assert policy.questions == []


async def test_what_is_planned_is_shown(engine: Engine, policy: Asked) -> None:
    await create(engine, creating(7, metadata={"name": b"x"}), ScriptedBody())
    _, intent, planned = policy.questions[-1]
    assert isinstance(intent, Create)
    assert (planned.length, planned.metadata, planned.revision) == (7, {"name": b"x"}, 0)


async def test_an_upload_is_owned_by_who_created_it(engine: Engine, harness: Harness) -> None:
    for upload in (await _open(engine), await _whole(engine), await _begin(engine)):
        assert (await harness.record(upload)).owner == "alice"
    assert (await _open(harness.engine)).owner is None


async def test_events_name_the_caller_whose_request_drove_them(engine: Engine, harness: Harness) -> None:
    upload = await _open(engine)
    bob = Caller(principal=Principal(subject="bob"))
    await append(harness.engine.acting_for(bob), upload.id, appending(0), ScriptedBody(b"abcdefghi"))
    assert [event.caller for event in harness.observer.changes] == [ALICE, bob]
    expired = await _open(engine)
    harness.now += 1000
    await sweep(harness.engine)
    assert harness.observer.changes[-1].upload.id == expired.id
    assert harness.observer.changes[-1].caller is NO_CALLER


async def test_the_lock_is_held_while_the_policy_thinks(engine: Engine, harness: Harness, policy: Asked) -> None:
    """An append holds its upload's lock while the policy answers, so that the plan can't change: another request gets
    Locked after its wait."""
    upload = await _open(engine)
    policy.answering.clear()
    policy.question.clear()
    writing = asyncio.create_task(append(engine, upload.id, appending(0), ScriptedBody(b"abc")))
    await policy.question.wait()
    with pytest.raises(Locked):
        async with harness.engine.hold(upload.id, wait=0.01):
            pass
    policy.answering.set()
    assert (await writing).offset == 3
