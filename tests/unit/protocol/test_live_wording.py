"""The text of an event is made once for listeners that are told it in a row, and is never that of another event."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.uploads import upload
from tusd_py.domain.snapshot import Snapshot
from tusd_py.protocol.live_events import LiveEvent, Teller, state_object
from tusd_py.protocol.live_wording import Wording

ENDPOINT, OTHER_ENDPOINT = "http://a/files/", "http://b/files/"
PAUSE = 100.0
FIRST = Snapshot(upload=upload(revision=1, paused_until=PAUSE), seq=1)
SECOND = Snapshot(upload=upload(revision=2), seq=2)


@pytest.fixture
def wording() -> Wording:
    return Wording()


def test_listeners_that_are_told_the_same_share_its_words(wording: Wording) -> None:
    def tell() -> list[bytes]:
        return [wording.text(event) for event in Teller(ENDPOINT, describe=wording.describe).tell(FIRST, 0)]

    (text,), (again,) = tell(), tell()
    assert text.startswith(b'id: 1\nevent: state\ndata: {"id":')
    assert again is text


@pytest.mark.parametrize(
    ("snapshot", "endpoint", "now"),
    [
        (SECOND, ENDPOINT, 0.0),
        (FIRST, OTHER_ENDPOINT, 0.0),
        (FIRST, ENDPOINT, PAUSE + 1),
        (FIRST.without_content(), ENDPOINT, 0.0),
        (FIRST.ended("terminated"), ENDPOINT, 0.0),
    ],
)
def test_another_state_has_words_of_its_own(wording: Wording, snapshot: Snapshot, endpoint: str, now: float) -> None:
    wording.describe(FIRST, ENDPOINT, 0.0)
    assert wording.describe(snapshot, endpoint, now) == state_object(snapshot, endpoint, now)


def test_another_event_has_words_of_its_own(wording: Wording) -> None:
    event = LiveEvent(type="progress", id="1", data={"offset": 1})
    for told_event in (
        event,
        replace(event, id="2"),
        replace(event, data={"offset": 2}),
        replace(event, type="end"),
        event,
    ):
        text = f'id: {told_event.id}\nevent: {told_event.type}\ndata: {{"offset":{told_event.data["offset"]}}}\n\n'
        assert wording.text(told_event) == text.encode()
