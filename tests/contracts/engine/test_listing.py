"""The listing of the newest uploads for which a given function returns True."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.domain.upload import Upload
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.listing import last_seq, newest
from tusd_py.ports.state import Numbered, StateStore


@pytest.fixture
async def uploads(harness: Harness) -> list[Upload]:
    """Four uploads without bytes, of lengths 1 to 4. The engine then lists only the uploads of the 3 latest events, and
    reads them from the state one at a time."""
    harness.engine = replace(harness.engine, thresholds=replace(harness.engine.thresholds, page=1, recent_events=3))
    return [await create(harness.engine, creating(length), ScriptedBody()) for length in (1, 2, 3, 4)]


async def test_only_recent_ones_are_looked_at(harness: Harness, uploads: list[Upload]) -> None:
    latest, seq = await newest(harness.engine, lambda _: True, 10)
    assert [numbered.upload.length for numbered in latest] == [2, 3, 4]
    assert seq == await last_seq(harness.engine) == len(uploads)


async def test_the_last_of_the_chosen_ones_are_returned(harness: Harness, uploads: list[Upload]) -> None:
    latest, _ = await newest(harness.engine, lambda upload: upload.length != uploads[3].length, 1)
    assert [numbered.upload.length for numbered in latest] == [3]


async def test_an_upload_that_changes_meanwhile_comes_once(harness: Harness, uploads: list[Upload]) -> None:
    """An upload that has an event while pages are read is returned once, with its newest record."""
    changing, looks = uploads[1], list[int]()

    async def changed(since: int, limit: int) -> Sequence[Numbered]:
        page = await harness.state.inner.changed(since, limit)
        if not looks:
            await append(harness.engine, changing.id, appending(0), ScriptedBody(b"ab"))
        looks.append(since)
        return page

    harness.state.changed = changed  # type: ignore[method-assign]
    latest, _ = await newest(harness.engine, lambda _: True, 10)
    assert [(numbered.upload.length, numbered.upload.done) for numbered in latest] == [
        (3, False),
        (4, False),
        (2, True),
    ]


async def test_without_any_there_is_no_number(harness: Harness) -> None:
    latest, seq = await newest(harness.engine, lambda _: True, 10)
    assert (list(latest), seq) == ([], 0)


async def test_without_an_outbox_no_event_has_a_number(harness: Harness) -> None:
    state = SimpleNamespace(outbox=None)
    assert await last_seq(replace(harness.engine, state=cast(StateStore, state))) == 0
