"""Events of one upload for one listener, and their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.uploads import upload
from tusd_py.domain.job import Job, JobId, JobPhase
from tusd_py.domain.lifecycle import PAUSE
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import Malformed
from tusd_py.domain.scan import Scan, Verdict
from tusd_py.domain.snapshot import Snapshot
from tusd_py.domain.upload import Upload
from tusd_py.protocol.live_events import LiveEvent, Teller
from tusd_py.protocol.live_words import Action, messages, read_action

ENDPOINT = "http://x/files/"
OPEN = Snapshot(upload=upload(revision=1), seq=1)
DONE = Snapshot(upload=upload(revision=5, offset=10, phase=Phase.DONE), seq=2, end="finished", settled=True)
JOB = Job(id=JobId("a" * 32), upload_id=OPEN.upload.id, kind="scan", created_at=1, updated_at=1, due_at=1, revision=1)


def at(offset: int, revision: int, **changes: Any) -> Snapshot:
    return replace(OPEN, upload=upload(offset=offset, revision=revision, **changes))


def types(events: Sequence[LiveEvent]) -> list[str]:
    return [event.type for event in events]


def test_the_state_comes_first_and_again_when_it_changes() -> None:
    teller = Teller(ENDPOINT)
    assert types(teller.tell(OPEN, 0)) == ["state"]
    assert types(teller.tell(OPEN, 0)) == []
    faces: list[dict[str, Any]] = [
        {"metadata": {"a": b"b"}},
        {"metadata": {"a": b"b"}, "paused_until": 50.0},
        {"scan": Scan(verdict=Verdict.PENDING)},
        {"phase": Phase.FINISHING},
    ]
    for revision, changes in enumerate(faces, start=2):
        (state,) = teller.tell(at(0, revision, **changes), 0)
        assert (state.type, state.id, state.data["revision"]) == ("state", str(revision), revision)


def test_progress_needs_growth_and_a_second() -> None:
    """A listener is told progress at most once a second, and only for a greater offset."""
    teller = Teller(ENDPOINT, received=lambda: 7)
    teller.tell(OPEN, 0)
    assert teller.due_at(OPEN, 0) == float("inf")
    (progress,) = teller.tell(at(5, 2), 10.0)
    assert (progress.id, progress.data) == ("2", {"offset": 5, "length": 10, "received": 7})
    grown = at(9, 3)
    assert teller.tell(grown, 10.5) == []
    assert teller.due_at(grown, 10.5) == 11.0
    (progress,) = teller.tell(grown, 11.0)
    assert progress.data == {"offset": 9, "length": 10, "received": 9}


def test_a_clock_that_goes_back_holds_nothing_up() -> None:
    teller = Teller(ENDPOINT)
    teller.tell(OPEN, 7200.0)
    assert types(teller.tell(replace(at(3, 2), jobs=(JOB,)), 7200.0)) == ["progress", "job"]
    later = replace(at(5, 3), jobs=(replace(JOB, revision=2),))
    assert teller.due_at(later, 3600.0) == 3600.0
    assert types(teller.tell(later, 3600.0)) == ["progress", "job"]


def test_a_roll_back_is_told_at_once_and_progress_from_there() -> None:
    teller = Teller(ENDPOINT)
    teller.tell(at(5, 1), 0)
    assert types(teller.tell(at(8, 2), 0)) == ["progress"]
    (state,) = teller.tell(at(3, 3), 0.5)
    assert (state.type, state.data["offset"]) == ("state", 3)
    assert teller.tell(at(3, 4), 2) == []
    (progress,) = teller.tell(at(4, 5), 2)
    assert (progress.type, progress.data["offset"]) == ("progress", 4)


def test_a_pause_that_ends_by_itself_is_told() -> None:
    teller, paused = Teller(ENDPOINT), at(0, 2, paused_until=PAUSE)
    assert teller.tell(paused, 0)[0].data["paused"] is True
    assert teller.due_at(paused, 0) == PAUSE
    assert teller.tell(paused, PAUSE)[0].data["paused"] is False


def test_the_last_state_of_each_job_is_told_before_the_end() -> None:
    teller = Teller(ENDPOINT)
    running = replace(DONE, jobs=(JOB,), settled=False)
    (state,) = teller.tell(running, 0)
    assert [job["id"] for job in state.data["jobs"]] == [JOB.id]
    second = replace(running, jobs=(replace(JOB, revision=2),))
    (event,) = teller.tell(second, 0)
    assert (event.type, event.id) == ("job", f"5.{JOB.id}.2")
    last = replace(DONE, jobs=(replace(JOB, revision=3, phase=JobPhase.DONE),))
    assert teller.tell(last, 0.5) == []
    assert teller.due_at(last, 0.5) == 1.0
    event, end = teller.tell(last, 1.0)
    assert (event.data["phase"], end.type, end.id) == ("done", "end", "5.end")
    assert teller.ended
    assert teller.tell(last, 2.0) == ()


def test_an_older_snapshot_is_told_to_no_one() -> None:
    teller = Teller(ENDPOINT)
    teller.tell(at(5, 3), 0)
    assert teller.tell(at(0, 2, metadata={"a": b"b"}), 5) == ()


def test_only_those_who_come_back_get_an_end_alone() -> None:
    ended = replace(OPEN, upload=upload(revision=2, phase=Phase.TERMINATING)).ended("expired")
    assert types(Teller(ENDPOINT, resumed=True).tell(ended, 0)) == ["end"]
    assert types(Teller(ENDPOINT).tell(ended, 0)) == ["state", "end"]


@dataclass
class World:
    """A model of an upload that changes, and of one listener: each call of `look` tells it of the newest snapshot, and
    the change `reconnect` has it connect again."""

    snapshot: Snapshot = OPEN
    now: float = 0.0
    teller: Teller = field(default_factory=lambda: Teller(ENDPOINT))
    history: list[LiveEvent] = field(default_factory=list)

    def change(self, kind: str, amount: int) -> None:
        match kind:
            case "look":
                self.look()
            case "wait":
                self.now += amount / 4
            case "reconnect":
                self.teller = Teller(ENDPOINT, resumed=bool(self.history))
            case _ if not self.snapshot.settled:
                self._save(kind, amount)

    def _save(self, kind: str, amount: int) -> None:
        old = self.snapshot.upload
        moved = replace(old, revision=old.revision + 1)
        if kind == "grow" and old.phase is Phase.OPEN:
            self.snapshot = replace(self.snapshot, upload=replace(moved, offset=min(old.offset + amount, 10)))
        elif kind == "fall" and old.phase is Phase.OPEN:
            self.snapshot = replace(self.snapshot, upload=replace(moved, offset=max(old.offset - amount, 0)))
        elif kind == "pause" and old.phase is Phase.OPEN:
            self.snapshot = replace(self.snapshot, upload=replace(moved, paused_until=self.now + amount))
        elif kind == "finish" and old.phase is Phase.OPEN:
            done = replace(moved, offset=10, phase=Phase.DONE)
            self.snapshot = replace(self.snapshot, upload=done, end="finished", jobs=(JOB,))
        elif kind == "job" and self.snapshot.jobs:
            (job,) = self.snapshot.jobs
            self.snapshot = replace(self.snapshot, jobs=(replace(job, revision=job.revision + 1),))
        elif kind == "settle" and old.done:
            self.snapshot = replace(self.snapshot, settled=True)
        elif kind == "terminate":
            self.snapshot = replace(self.snapshot, upload=replace(moved, phase=Phase.TERMINATING)).ended("terminated")

    def look(self) -> None:
        events = self.teller.tell(self.snapshot, self.now)
        assert all(_offset(event) <= self.snapshot.upload.offset for event in events)
        self.history += events
        assert _offset(self.offset_events[-1]) <= self.snapshot.upload.offset

    @property
    def offset_events(self) -> list[LiveEvent]:
        """The events so far but those of jobs."""
        return [event for event in self.history if event.type != "job"]


def _offset(event: LiveEvent) -> int:
    return int(event.data.get("offset", 0))


CHANGES = st.sampled_from(
    ["look", "look", "wait", "reconnect", "grow", "grow", "fall", "pause", "finish", "job", "settle", "terminate"]
)


@given(st.lists(st.tuples(CHANGES, st.integers(1, 8)), max_size=60))
def test_no_listener_misses_that_an_offset_falls_or_the_end(changes: list[tuple[str, int]]) -> None:
    world = World()
    for kind, amount in [*changes, ("finish", 1), ("settle", 1)]:
        world.change(kind, amount)
    for _ in range(3):
        world.look()
        world.now += 1
    revisions = [int(event.id.partition(".")[0]) for event in world.history]
    assert all(_offset(old) <= _offset(new) for old, new in pairwise(world.offset_events) if new.type == "progress")
    assert revisions == sorted(revisions)
    assert world.history[-1].type == "end"
    assert world.history[-1].data["reason"] == world.snapshot.end


# In Companion's words


def test_each_look_makes_one_message_at_most() -> None:
    teller = Teller(ENDPOINT)
    (message,) = messages(teller.tell(OPEN, 0), OPEN, ENDPOINT, 0)
    assert (message["action"], message["payload"]["progress"]) == ("progress", "0.00")
    (message,) = messages(teller.tell(DONE, 9), DONE, ENDPOINT, 9)
    assert (message["action"], message["payload"]["url"]) == ("success", f"{ENDPOINT}{DONE.upload.id}")


@pytest.mark.parametrize(
    ("record", "percentage"),
    [
        (upload(offset=3_276_800, length=10_485_760), "31.25"),
        (upload(offset=3, length=None), "0.00"),
        (upload(offset=0, length=0), "100.00"),
        (upload(offset=1, length=3), "33.33"),
    ],
)
def test_the_share_has_two_decimals(record: Upload, percentage: str) -> None:
    snapshot = replace(OPEN, upload=record)
    (message,) = messages(Teller(ENDPOINT).tell(snapshot, 0), snapshot, ENDPOINT, 0)
    assert message["payload"]["progress"] == percentage


@pytest.mark.parametrize("reason", ["terminated", "expired", "lost", "infected", "unscanned"])
def test_an_upload_that_is_gone_is_an_error_with_a_sentence(reason: str) -> None:
    ended = OPEN.ended(reason)
    (message,) = messages(Teller(ENDPOINT).tell(ended, 0), ended, ENDPOINT, 0)
    assert message["payload"]["error"]["code"] == reason
    assert message["payload"]["error"]["message"]


def test_actions_are_read() -> None:
    assert read_action('{"action": "pause", "payload": {}}') is Action.PAUSE
    for text in ("", "1", '{"action": null}', '{"action": "stop"}', "[" * 4000):
        with pytest.raises(Malformed):
            read_action(text)
