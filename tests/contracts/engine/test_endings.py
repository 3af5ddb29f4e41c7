"""Ends that are recorded before anything is removed, and what is said of them."""

from __future__ import annotations

from tests.contracts.engine.test_finish_and_sweep import begun
from tests.support.direct_access import direct
from tests.support.engine import Engine
from tusd_py.engine.direct import abort, begin
from tusd_py.engine.repair import repair
from tusd_py.engine.tidy import removed
from tusd_py.errors import Superseded, UploadLost
from tusd_py.model import Direct, Phase, Upload
from tusd_py.protocol.intents import Begin
from tusd_py.storage.base import Leftover


async def test_an_abort_is_recorded_before_anything_is_removed(engine: Engine) -> None:
    access = direct(engine)
    upload = await begin(engine.ports, Begin(direct=Direct.PARTS))
    engine.storage.fuse.blow()
    await abort(engine.ports, upload.id, access.key(upload))
    assert (await engine.record(upload)).phase is Phase.TERMINATING


async def test_an_unfinished_upload_of_which_nothing_is_left_is_said_to_be(engine: Engine) -> None:
    await begun(engine)

    async def gone(*_: object) -> None:
        raise UploadLost

    engine.storage.survey = gone  # type: ignore[method-assign,assignment]
    (mended,) = [mended async for mended in repair(engine.ports, apply=False)]
    assert mended.sentence == "what was stored of it is gone: would be ended"


async def test_what_is_in_use_or_moves_on_meanwhile_is_not_removed(engine: Engine) -> None:
    upload = await begun(engine)
    leftover = Leftover(upload_id=upload.id, name="part", since=0)
    async with engine.ports.hold(upload.id):
        assert not await removed(engine.ports, leftover, dry_run=False)

    async def moved(_: Upload) -> None:
        raise Superseded

    engine.storage.needs = lambda *_: False  # type: ignore[method-assign]
    engine.state.save = moved  # type: ignore[method-assign,assignment]
    assert not await removed(engine.ports, leftover, dry_run=False)
    assert upload.id in engine.storage._parts
