"""A creation that leaves no upload, and of which its client knows no URL, gives its use of the upload token back
once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.contracts.engine.test_allowances import acting, begin_upload, grant, refused
from tests.contracts.engine.test_questions import Report
from tests.contracts.engine.test_scanning import FOUND, ScriptedScanner
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import creating
from tusd_py.domain.access_refusals import TokenUsedUp
from tusd_py.domain.answers import Answer
from tusd_py.domain.caller import Caller
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.errors import UploadSpoiled
from tusd_py.domain.events import Reason
from tusd_py.domain.hook_refusals import UploadRejected, UploadStopped
from tusd_py.domain.intents import Create
from tusd_py.domain.scan_refusals import Infected
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.create import create
from tusd_py.engine.engine import Engine, Screening
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.terminate import abandon
from tusd_py.ports.questions import NoQuestions

WHOLE = creating(3, body=True)
SPOILED = replace(WHOLE, whole=WholeDigest(algorithm="sha256", value="00"))


class Rejecting(NoQuestions):
    """A hook that refuses each upload before it is finished."""

    asks_before_finish = True

    async def before_finish(self, caller: Caller, upload: Upload) -> Answer:
        del caller, upload
        raise UploadRejected


class Stopping(NoQuestions):
    """A hook that stops each upload while its bytes arrive."""

    def report_progress(self, caller: Caller, stop: Callable[[], None]) -> Report:
        del caller
        return Report([], stop, stops=True)


def infected(engine: Engine) -> Engine:
    scanner = ScriptedScanner()
    scanner.verdict = FOUND
    return replace(engine, screening=Screening(scanner=scanner, accepts_unscanned=False))


REFUSALS: dict[str, tuple[Callable[[Engine], Engine], Create, type[Exception]]] = {
    "its digest": (lambda engine: engine, SPOILED, UploadSpoiled),
    "a scan": (infected, WHOLE, Infected),
    "a hook at the end": (lambda engine: replace(engine, questions=Rejecting()), WHOLE, UploadRejected),
    "a hook on the way": (lambda engine: replace(engine, questions=Stopping()), WHOLE, UploadStopped),
}


@pytest.mark.parametrize("removable", [True, False])
@pytest.mark.parametrize("case", REFUSALS)
async def test_refused_content_uses_nothing_of_its_token(harness: Harness, case: str, *, removable: bool) -> None:
    """A creation whose content is refused before its client knows the URL gives its use of the token back, even if its
    bytes can't be removed at once."""
    refusing, intent, refusal = REFUSALS[case]
    engine = acting(harness, grant=grant(harness, 2))
    await begin_upload(engine)
    harness.storage.stuck = set() if removable else {UploadId(f"{2:032x}")}
    await refused(create(refusing(engine), intent, ScriptedBody(b"abc")), refusal)
    assert [upload.alive for upload in await harness.uploads()] == [True] + [False] * (not removable)
    await begin_upload(engine)
    await refused(begin_upload(engine), TokenUsedUp)


async def test_an_end_that_is_retried_gives_the_use_back(harness: Harness) -> None:
    """If the state fails when a failed creation is to be ended, its use of the token is given back once a sweep ends
    it."""
    engine = acting(harness, grant=grant(harness, 1))
    upload = await begin_upload(engine)
    harness.state.fuse.blow()
    await abandon(engine.refunding(), upload.id, Reason.FAILED_CREATION)
    await refused(begin_upload(engine), TokenUsedUp)
    await sweep(harness.engine)
    await begin_upload(engine)
    await refused(begin_upload(engine), TokenUsedUp)
