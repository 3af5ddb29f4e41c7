"""The use cases of `USES` and `CREATIONS` check the caller's right before the rules for the request; a refusal changes
nothing."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.direct_access import ScriptedAccess, direct
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, joining, naming
from tusd_py import http
from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.errors import Locked
from tusd_py.domain.intents import Begin, Read
from tusd_py.domain.phase import Phase
from tusd_py.domain.principal import Principal
from tusd_py.domain.refusals import Malformed, Refusal, UploadGone, UploadLocked, UploadNotFound
from tusd_py.domain.rights import Rights
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.direct import abort, announce, begin, complete, open_parts, parts, sign_part
from tusd_py.engine.engine import Engine
from tusd_py.engine.lookup import finished, inspect
from tusd_py.engine.pause import pause, resume
from tusd_py.engine.terminate import terminate

ALICE, BOB = (Caller(principal=Principal(subject=subject)) for subject in ("alice", "bob"))
EXPIRED = Caller(denial=Unauthenticated(invalid=True))
PARTS = Begin(mode=DirectMode.PARTS, length=5)
HANDLERS = Path(http.__file__).parent / "handlers"
SIGNED_AT_ONCE = {"sign_whole"}
"""The use cases that are called only for an upload which the same request has just created; they check no right."""
OVER_A_SOCKET = {"pause", "resume"}
"""The use cases that a WebSocket's handler calls with the engine of the request that opened the socket."""
WITHOUT_RIGHTS = {"all_or_none", "replace"}
"""The functions that need no right: `all_or_none` ends what its own failed request created, and before `replace` copies
the engine, the dashboard has checked the watcher's rights."""


@pytest.fixture
def engine(harness: Harness) -> Engine:
    """The harness's engine, with direct uploads, acting for alice on a server that checks credentials: only an upload's
    owner has rights to it, but a caller without a good credential may ask for its offset."""
    direct(harness)
    harness.engine = replace(harness.engine, rights=Rights(authenticating=True))
    return harness.engine.acting_for(ALICE)


async def _whole(engine: Engine) -> Upload:
    return await create(engine, creating(3, body=True), ScriptedBody(b"abc"))


async def _open(engine: Engine) -> Upload:
    return await create(engine, creating(9, metadata={"filename": b"x"}), ScriptedBody())


async def _begin(engine: Engine) -> Upload:
    return await begin(engine, PARTS)


def _key(engine: Engine, upload: Upload) -> str:
    assert isinstance(engine.storage.direct, ScriptedAccess)
    return engine.storage.direct.key(upload)


Use = Callable[[Engine, Upload], Awaitable[object]]
CREATIONS: dict[str, Use] = {
    "create": lambda engine, _: create(engine, creating(3, body=True), ScriptedBody(b"abc")),
    "create.final": lambda engine, _: create(engine, joining(), ScriptedBody()),
    "begin": lambda engine, _: begin(engine, PARTS),
    "announce": lambda engine, _: announce(engine, PARTS),
}
USES: dict[str, tuple[Callable[[Engine], Awaitable[Upload]], Use]] = {
    "append": (_open, lambda engine, upload: append(engine, upload.id, appending(0), ScriptedBody(b"a"))),
    "append.wrong": (_open, lambda engine, upload: append(engine, upload.id, appending(7), ScriptedBody(b"a"))),
    "append.done": (_whole, lambda engine, upload: append(engine, upload.id, appending(7), ScriptedBody(b"a"))),
    "inspect": (_open, lambda engine, upload: inspect(engine, upload.id)),
    "inspect.done": (_whole, lambda engine, upload: inspect(engine, upload.id)),
    "finished": (_whole, lambda engine, upload: finished(engine, upload.id, Read())),
    "finished.open": (_open, lambda engine, upload: finished(engine, upload.id, Read())),
    "pause": (_open, lambda engine, upload: pause(engine, upload.id)),
    "resume": (_open, lambda engine, upload: resume(engine, upload.id)),
    "terminate": (_open, lambda engine, upload: terminate(engine, upload.id)),
    "open_parts": (_begin, lambda engine, upload: open_parts(engine, upload.id, _key(engine, upload), {})),
    "sign_part": (_begin, lambda engine, upload: sign_part(engine, upload.id, _key(engine, upload), 99, None)),
    "parts": (_begin, lambda engine, upload: parts(engine, upload.id, _key(engine, upload))),
    "complete": (_begin, lambda engine, upload: complete(engine, upload.id, "no key", naming([]))),
    "abort": (_begin, lambda engine, upload: abort(engine, upload.id, _key(engine, upload))),
}


async def _all_of(harness: Harness) -> object:
    return await harness.uploads(), harness.stored_names, list(harness.observer.events)


async def _refused(harness: Harness, doing: Awaitable[object], refusal: type[Refusal]) -> None:
    before = await _all_of(harness)
    with pytest.raises(refusal):
        await doing
    assert await _all_of(harness) == before


@pytest.mark.parametrize("use", USES)
async def test_anothers_upload_looks_like_none_in_every_state(engine: Engine, harness: Harness, use: str) -> None:
    prepare, do = USES[use]
    upload = await prepare(engine)
    await _refused(harness, do(engine.acting_for(BOB), upload), UploadNotFound)


@pytest.mark.parametrize("caller", [NO_CALLER, EXPIRED])
@pytest.mark.parametrize("use", [use for use in (*CREATIONS, *USES) if not use.startswith("inspect")])
async def test_without_a_good_credential_every_use_is_refused(
    engine: Engine, harness: Harness, caller: Caller, use: str
) -> None:
    prepare, do = USES.get(use) or (_open, CREATIONS[use])
    upload = await prepare(engine)
    await _refused(harness, do(engine.acting_for(caller), upload), Unauthenticated)


def test_no_use_case_of_a_request_is_forgotten() -> None:
    covered = {name.partition(".")[0] for name in (*USES, *CREATIONS)}
    called = {name for path in HANDLERS.glob("*.py") for name in _use_cases(ast.parse(path.read_text()))}
    assert called == covered - OVER_A_SOCKET | SIGNED_AT_ONCE | WITHOUT_RIGHTS


def _use_cases(tree: ast.AST) -> Iterator[str]:
    """Return the names of the functions that are called with `request[ENGINE]` as their first argument."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.args[0]) == "request[ENGINE]":
            yield ast.unparse(node.func).rpartition(".")[2]


@pytest.mark.parametrize("caller", [NO_CALLER, EXPIRED, BOB])
@pytest.mark.parametrize("use", ["append", "terminate", "inspect"])
async def test_a_writer_does_not_leave_for_a_caller_without_the_right(
    engine: Engine, harness: Harness, caller: Caller, use: str
) -> None:
    upload, release_requests = await _open(engine), list[None]()
    async with harness.engine.hold(upload.id, lambda: release_requests.append(None)):
        with suppress(Unauthenticated, UploadNotFound):
            await USES[use][1](engine.acting_for(caller), upload)
        assert not release_requests
        impatient = replace(engine.acting_for(ALICE), lock_wait=0.01)
        with pytest.raises(Locked):
            await USES[use][1](impatient, upload)
        assert release_requests


@pytest.mark.parametrize("caller", [NO_CALLER, EXPIRED])
async def test_the_id_alone_tells_the_recorded_offset_and_no_metadata(engine: Engine, caller: Caller) -> None:
    upload = await _open(engine)
    await append(engine, upload.id, appending(0), ScriptedBody(b"abcd"))
    view = await inspect(engine.acting_for(caller), upload.id)
    assert (view.offset, view.length, view.metadata) == (4, 9, {})
    assert (await inspect(engine, upload.id)).metadata == {"filename": b"x"}


async def test_the_id_alone_tells_no_final_offset(engine: Engine, harness: Harness) -> None:
    """A caller without a credential gets UploadLocked for a finishing upload, as the last offset would look like that
    of a complete one."""
    upload = await _whole(engine)
    await harness.state.save(replace(await harness.record(upload), phase=Phase.FINISHING, etag=None))
    with pytest.raises(UploadLocked):
        await inspect(engine.acting_for(NO_CALLER), upload.id)
    assert (await inspect(engine, upload.id)).done
    assert (await inspect(engine.acting_for(NO_CALLER), upload.id)).offset == 3


async def test_where_its_url_is_enough_any_caller_may_preempt(engine: Engine, harness: Harness) -> None:
    by_url = replace(harness.engine, rights=Rights(authenticating=True, by_url=True), lock_wait=0.01)
    upload, release_requests = await _open(engine), list[None]()
    async with harness.engine.hold(upload.id, lambda: release_requests.append(None)):
        with pytest.raises(Locked):
            await inspect(by_url, upload.id)
    assert release_requests
    assert (await inspect(by_url, upload.id)).metadata == {}
    assert (await append(by_url, upload.id, appending(0), ScriptedBody(b"abc"))).offset == 3


async def test_an_upload_is_read_by_its_owner_alone(engine: Engine) -> None:
    upload = await _open(engine)
    assert [engine.acting_for(caller).may_read(upload) for caller in (ALICE, BOB, NO_CALLER)] == [True, False, False]


async def test_partials_of_another_owner_count_as_not_there(engine: Engine, harness: Harness) -> None:
    async def partial(owner: Engine) -> UploadId:
        return (await create(owner, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))).id

    hers, his = await partial(engine), await partial(engine.acting_for(BOB))
    await _refused(harness, create(engine, joining(hers, his), ScriptedBody()), Malformed)
    by_url = replace(engine, rights=Rights(authenticating=True, by_url=True))
    await _refused(harness, create(by_url, joining(hers, his), ScriptedBody()), Malformed)
    assert (await create(engine, joining(hers, hers), ScriptedBody())).offset == 6


async def test_what_was_created_without_a_credential_is_any_principals(engine: Engine, harness: Harness) -> None:
    free = replace(harness.engine, rights=Rights())
    upload = await _open(free)
    for caller in (ALICE, BOB):
        assert (await inspect(engine.acting_for(caller), upload.id)).metadata
    await terminate(engine.acting_for(BOB), upload.id)


async def test_the_end_of_an_upload_is_not_told_to_others(engine: Engine) -> None:
    remembering = replace(engine, limits=replace(engine.limits, answers_gone=True))
    upload = await _open(remembering)
    await terminate(remembering, upload.id)
    with pytest.raises(UploadGone):
        await inspect(remembering, upload.id)
    with pytest.raises(UploadNotFound):
        await inspect(remembering.acting_for(BOB), upload.id)


async def test_only_rights_cost_a_second_look_at_the_record(
    engine: Engine, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, looks = await _open(engine), list[UploadId]()
    load = harness.state.load

    async def look(upload_id: UploadId) -> Upload | None:
        looks.append(upload_id)
        return await load(upload_id)

    monkeypatch.setattr(harness.state, "load", look)
    for offset, (rights, expected) in enumerate(((Rights(), 1), (Rights(authenticating=True), 2))):
        looks.clear()
        await append(replace(engine, rights=rights), upload.id, appending(offset), ScriptedBody(b"a"))
        assert len(looks) == expected
