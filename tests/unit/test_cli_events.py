"""`tusd-py events` on what a state really holds."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.events import ALL, ENDS, EVER, created, ended
from tusd_py.backends.redis.state import RedisState
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.cli import commands as cli
from tusd_py.domain.upload_id import UploadId
from tusd_py.jobs.on_finish import subscription
from tusd_py.ports.outbox import Delivery, Outbox, Selection
from tusd_py.ports.state import StateStore

pytestmark = pytest.mark.usefixtures("patient_with_redis")

FIRST, SECOND, THIRD = (UploadId(f"{number:032x}") for number in (1, 2, 3))
CREATED, ENDED, RECENT = f"evt_{FIRST}_created", f"evt_{FIRST}_terminated", f"evt_{SECOND}_created"
ANCIENT = f"evt_{THIRD}_created"


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class Desk:
    """A caller of `tusd-py events` on the state at `place`, with access to its outbox."""

    def __init__(self, place: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.place, self.capsys = place, capsys

    def __call__(self, *arguments: str) -> Said:
        with pytest.raises(SystemExit) as exit_info:
            cli.main(["events", *arguments, f"--state={self.place}"])
        captured = self.capsys.readouterr()
        return Said(int(exit_info.value.code or 0), captured.out, captured.err)

    def work(self, on: Callable[[StateStore, Outbox], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            path = self.place.removeprefix("sqlite:")
            state = RedisState(self.place) if self.place == path else SqliteState(Path(path))
            try:
                return await on(state, state.outbox)
            finally:
                await state.aclose()

        return asyncio.run(opened())

    def states(self) -> list[tuple[str, str, str]]:
        async def listed(_: StateStore, outbox: Outbox) -> Sequence[Delivery]:
            return await outbox.list(Selection(), None, 100)

        return [(row.event_id, row.sink, str(row.state)) for row in self.work(listed)]


async def fill(state: StateStore, outbox: Outbox) -> None:
    """Store three events for a sink that wants all (`ALL`) and one that wants ends of uploads alone (`ENDS`). By their
    ids: `CREATED` is delivered to `ALL`; `ENDED` is dead for `ALL` and pending for `ENDS`; `RECENT` is pending for
    `ALL`."""
    await outbox.register([ALL, ENDS])
    record = await created(state, 1, updated_at=time.time() - 7200, metadata={"name": b"x"})
    await outbox.mark_delivered((await outbox.due(ALL.name, EVER, 1))[0])
    await ended(state, record)
    await outbox.mark_failed((await outbox.due(ALL.name, EVER, 1))[0], "HTTP 500\x1b[2J", None)
    await created(state, 2, updated_at=time.time())


@pytest.fixture(params=["sqlite", "redis"])
def run(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    for name in [name for name in os.environ if name.startswith("TUSD_PY_")]:
        monkeypatch.delenv(name)
    in_redis = request.param == "redis"
    desk = Desk(request.getfixturevalue("redis_url") if in_redis else f"sqlite:{tmp_path}/state.db", capsys)
    desk.work(fill)
    return desk


def ids(outcome: Said) -> list[str]:
    assert (outcome.code, outcome.err) == (0, "")
    return [entry["id"] for entry in outcome.objects]


def test_a_line_is_an_event_for_a_sink(run: Desk) -> None:
    outcome = run("list", "--state", "all")
    first, _, dead, last = outcome.out.splitlines()
    assert f"{CREATED}  {ALL.name}  delivered" in first
    assert "dead       failed 1x: HTTP 500\\x1b[2J" in dead
    assert f"{RECENT}  {ALL.name}  pending    due 2" in last
    assert (outcome.code, outcome.err) == (0, "")


def test_list_shows_pending_and_dead_by_default(run: Desk) -> None:
    assert ids(run("list", "--json")) == [ENDED, ENDED, RECENT]
    assert ids(run("list", "--json", "--state", "pending")) == [ENDED, RECENT]
    assert ids(run("list", "--json", "--state", "dead")) == [ENDED]
    assert ids(run("list", "--json", "--state", "delivered")) == [CREATED]
    assert ids(run("list", "--json", "--state", "all")) == [CREATED, ENDED, ENDED, RECENT]
    assert ids(run("list", "--json", "--sink", ENDS.name)) == [ENDED]
    assert ids(run("list", "--json", "--since", "1h")) == [RECENT]
    assert ids(run("list", "--json", "--since", "2026-01-01T00:00:00+02:00", "--state", "dead")) == [ENDED]
    assert ids(run("list", "--json", "--since", "2099-01-01T00:00:00Z")) == []


def test_listing_goes_through_all_pages(run: Desk) -> None:
    async def many(state: StateStore, _: Outbox) -> None:
        for number in range(10, 215):
            await created(state, number)

    run.work(many)
    seqs = [entry["seq"] for entry in run("list", "--json", "--sink", ALL.name).objects]
    assert len(seqs) == 207
    assert seqs == sorted(seqs)


def test_json_says_all_of_a_delivery(run: Desk) -> None:
    pending, dead, _ = run("list", "--json").objects
    assert list(pending) == ["id", "seq", "upload", "type", "at", "sink", "state", "attempts", "due", "error"]
    common = {"id": ENDED, "seq": 2, "upload": FIRST, "type": "terminated", "at": pending["at"]}
    ends = {"sink": ENDS.name, "state": "pending", "attempts": 0, "due": pending["at"], "error": None}
    assert pending == common | ends
    error = "HTTP 500\x1b[2J"
    assert dead == common | {"sink": ALL.name, "state": "dead", "attempts": 1, "due": None, "error": error}
    assert pending["at"].endswith("Z")


def test_show_is_one_object(run: Desk) -> None:
    outcome = run("show", ENDED)
    document = json.loads(outcome.out)
    assert list(document) == ["id", "seq", "upload", "type", "at", "document", "deliveries"]
    assert (document["id"], document["upload"], document["type"]) == (ENDED, FIRST, "terminated")
    assert document["document"]["reason"] == "client"
    assert document["document"]["upload"]["id"] == FIRST
    assert document["deliveries"] == run("list", "--json").objects[:2]
    assert run("show", ENDED, "--json").objects == [document]
    [narrowed] = run("show", ENDED, "--json", "--sink", ENDS.name).objects
    assert [delivery["sink"] for delivery in narrowed["deliveries"]] == [ENDS.name]


def test_a_dead_one_is_retried(run: Desk) -> None:
    assert run("retry", ENDED, CREATED) == Said(0, "retried 1\n", "")
    [retried] = run("list", "--json", "--sink", ALL.name, "--since", "3h").objects[:1]
    assert (retried["state"], retried["attempts"], retried["error"]) == ("pending", 0, None)
    assert (CREATED, ALL.name, "delivered") in run.states()
    assert run("retry", ENDED) == Said(0, "retried 0\n", "")


def test_dead_ones_since_a_time_are_retried(run: Desk) -> None:
    assert run("retry", "--since", "1h").out == "retried 0\n"
    assert run("retry", "--since", "3h", "--sink", ENDS.name).out == "retried 0\n"
    assert run("retry", "--since", "3h", "--json").objects == [{"retried": 1}]
    assert ids(run("list", "--json", "--state", "dead")) == []


def test_delivered_ones_are_replayed(run: Desk) -> None:
    assert run("replay", CREATED, "--json").objects == [{"replayed": 1}]
    assert (CREATED, ALL.name, "pending") in run.states()
    assert run("replay", ENDED, "--sink", ALL.name) == Said(0, "replayed 1\n", "")
    assert run("replay", "--since", "3h") == Said(0, "replayed 4\n", "")
    assert {state for _, _, state in run.states()} == {"pending"}


def test_what_was_delivered_before_the_retention_is_not_replayed(run: Desk) -> None:
    retention = ("--events-retention", "1h")
    assert run("replay", CREATED, *retention) == Said(0, "replayed 0\n", "")
    assert run("replay", "--since", "3h", *retention).out == "replayed 3\n"
    assert run("replay", CREATED, "--events-retention", "none").out == "replayed 1\n"


def test_jobs_are_begun_again_for_their_sink_alone(run: Desk) -> None:
    jobs = subscription(on_finish=True).name

    async def begin_jobs(state: StateStore, outbox: Outbox) -> None:
        await outbox.register([ALL, subscription(on_finish=True)])
        await ended(state, await created(state, 4, updated_at=time.time()))
        for sink in (ALL.name, jobs):
            for delivery in await outbox.due(sink, EVER, 10):
                await outbox.mark_delivered(delivery)

    run.work(begin_jobs)
    event_id = f"evt_{UploadId(f'{4:032x}')}_terminated"
    assert (event_id, jobs, "delivered") in run.states()
    run("replay", "--since", "1h")
    run("replay", event_id)
    assert (event_id, ALL.name, "pending") in run.states()
    assert (event_id, jobs, "delivered") in run.states()
    assert run("replay", event_id, "--sink", jobs).out == "replayed 1\n"
    assert (event_id, jobs, "pending") in run.states()


def test_what_is_dropped_is_gone(run: Desk) -> None:
    assert run("drop", ENDED, "--sink", ENDS.name) == Said(0, "dropped 1\n", "")
    assert run("drop", CREATED, ENDED, CREATED, "--json").objects == [{"dropped": 2}]
    assert run.states() == [(RECENT, ALL.name, "pending")]


@pytest.mark.parametrize("command", ["show", "retry", "replay", "drop"])
def test_an_id_that_is_not_there_is_one_line_and_code_1(run: Desk, command: str) -> None:
    before = run.states()
    known_ids = () if command == "show" else (ENDED,)
    outcome = run(command, *known_ids, ANCIENT)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"tusd-py: no event {ANCIENT}: see tusd-py events list --state all\n"
    assert run(command, CREATED, "--sink", ENDS.name).code == 1
    assert run.states() == before, "nothing is done by halves"


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--state", "done"),
        ("list", "--since", "yesterday"),
        ("list", "--since", "2026-01-01"),
        ("list", "extra"),
        ("show",),
        ("show", CREATED, ENDED),
        ("retry",),
        ("retry", ENDED, "--since", "1h"),
        ("replay",),
        ("drop",),
        ("drop", "--since", "1h"),
        ("frop",),
    ],
)
def test_what_is_wrong_with_a_command_is_one_line_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: Sequence[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        cli.main(["events", arguments[0], f"--state=sqlite:{tmp_path}/state.db", *arguments[1:]])
    captured = capsys.readouterr()
    assert (exit_info.value.code, captured.out, len(captured.err.splitlines())) == (2, "", 1)
    assert captured.err.startswith("tusd-py: ")


def test_a_state_in_memory_is_out_of_reach(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("list",), ("retry", "--since", "1h"), ("show", "x"), ("drop", "x")):
        with pytest.raises(SystemExit) as exit_info:
            cli.main(["events", *arguments, "--state", "memory:"])
        assert exit_info.value.code == 2
        assert "use sqlite: or redis:" in capsys.readouterr().err
