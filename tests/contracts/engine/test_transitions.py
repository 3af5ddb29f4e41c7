"""The state of the engine under test, a `CheckedState`, raises AssertionError for a change of phase, a creation or a
deletion of a record that the life cycle doesn't allow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.support.harness import Harness
from tests.support.uploads import upload
from tusd_py.domain.lifecycle import Change
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId

OTHER = UploadId("b" * 32)
WRITES: dict[str, Callable[[Harness, Upload], Awaitable[object]]] = {
    "save": lambda harness, record: harness.engine.records.save(Change(record)),
    "note": lambda harness, record: harness.engine.records.note(record),
    "grow": lambda harness, record: harness.engine.records.grow(Change(record)),
    "rewind": lambda harness, record: harness.engine.records.rewind(Change(record), ()),
    "delete": lambda harness, record: harness.engine.records.delete(record),
    "rebuild": lambda harness, record: harness.engine.records.rebuild(Change(replace(record, id=OTHER)), ()),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_wrong_transition_is_refused(
    harness: Harness, write: Callable[[Harness, Upload], Awaitable[object]]
) -> None:
    stored = await harness.state.create(upload())
    with pytest.raises(AssertionError, match=r"gone.* after open|created as gone|deleted while the upload is open"):
        await write(harness, replace(stored, phase=Phase.GONE))
    assert await harness.record(stored) == stored
