from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from tests.support.uploads import changed
from tusd_py import __version__
from tusd_py.cli import commands as cli
from tusd_py.config import Settings
from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import UploadNotFound
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.repair import Mended


def upload_id(number: int) -> UploadId:
    return UploadId(f"{number:032x}")


def upload(number: int) -> Upload:
    return Upload(id=upload_id(number), length=10, offset=4, times=Times.at_creation(0))


@dataclass
class CheckResult:
    name: str
    ok: bool
    detail: str


@dataclass
class App:
    """A stand-in for the server, the checks and the operator's engine; it keeps the settings that it gets."""

    records: dict[UploadId, Upload] = field(default_factory=dict)
    stubborn: Collection[UploadId] = ()
    """Uploads that can't be repaired."""
    results: Sequence[CheckResult] = ()
    settings: Settings = field(default_factory=Settings)
    failure: Exception | None = None

    def serve(self, settings: Settings) -> int:
        self.settings = settings
        if self.failure:
            raise self.failure
        return 3

    async def check(self, settings: Settings) -> Sequence[CheckResult]:
        self.settings = settings
        return self.results

    @asynccontextmanager
    async def open_engine(self, settings: Settings) -> AsyncIterator[App]:
        self.settings = settings
        yield self

    async def uploads(self, after: UploadId | None, limit: int) -> Sequence[Upload]:
        return [self.records[key] for key in sorted(self.records) if key > (after or "")][:limit]

    async def show(self, key: UploadId) -> Upload:
        if key not in self.records:
            raise UploadNotFound
        return self.records[key]

    def link(self, upload: Upload) -> str | None:
        return "read/x" if upload.done else None

    async def terminate(self, key: UploadId) -> None:
        await self.show(key)
        del self.records[key]

    async def expire(self) -> int:
        return len(self.records)

    async def recount(self) -> int:
        return 0

    async def repair(self, *, apply: bool) -> AsyncIterator[Mended]:
        for number in self.records:
            yield Mended(upload_id=number, sentence="it is broken", done=apply and number not in self.stubborn)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> App:
    stub = App()
    monkeypatch.setattr("tusd_py.server.workers.serve", stub.serve)
    monkeypatch.setattr("tusd_py.cli.operations.check", stub.check)
    monkeypatch.setattr("tusd_py.cli.operations.open_operator", stub.open_engine)
    for name in [name for name in os.environ if name.startswith("TUSD_PY_")]:
        monkeypatch.delenv(name)
    return stub


@dataclass
class Said:
    code: int
    out: str
    err: str


class Run:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> Said:
        with pytest.raises(SystemExit) as exit_info:
            cli.main(arguments)
        captured = self.capsys.readouterr()
        return Said(int(exit_info.value.code or 0), captured.out, captured.err)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


def test_serve_takes_flags_and_returns_its_exit_code(app: App, run: Run) -> None:
    assert run("serve", "--port", "1", "--behind-proxy", "--max-size", "8MiB").code == 3
    assert (app.settings.port, app.settings.behind_proxy, app.settings.max_size) == (1, True, 8 << 20)


def test_a_flag_can_switch_off_what_the_environment_switched_on(
    app: App, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUSD_PY_BEHIND_PROXY", "on")
    run("serve")
    assert app.settings.behind_proxy
    run("serve", "--no-behind-proxy")
    assert not app.settings.behind_proxy


@pytest.mark.parametrize(
    ("state", "warned"),
    [
        ("redis://user:SECRET@redis:6379/0", True),
        ("unix:///run/redis.sock?password=SECRET", True),
        ("redis://redis:6379/0", False),
        ("memory:", False),
    ],
)
def test_a_password_among_the_flags_is_warned_of_and_not_said(app: App, run: Run, state: str, *, warned: bool) -> None:
    outcome = run("serve", "--state", state)
    assert (outcome.code, "TUSD_PY_STATE_FILE" in outcome.err, "SECRET" in outcome.err) == (3, warned, False)
    assert app.settings.state is not None


def test_a_password_that_nobody_sees_is_not_warned_of(app: App, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSD_PY_STATE", "redis://user:SECRET@redis:6379/0")
    assert (run("serve").err, str(app.settings.state)) == ("", "redis://***@redis:6379/0")


def test_every_setting_is_an_option_of_serve(app: App, run: Run) -> None:
    assert app
    words = run("serve", "--help").out.split()
    assert {f"--{name.replace('_', '-')}" for name in Settings.model_fields} <= set(words)


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--port", "http"),
        ("serve", "--prot", "1"),
        ("serve", "--port"),
        ("serve", "extra"),
        ("serve", "--config", "/nonexistent/settings.toml"),
        ("check", "--storage", "nowhere"),
        ("uploads", "show", "../../etc/passwd"),
        ("uploads", "terminate"),
        ("uploads", "list", "--state", "memory:"),
        ("sreve",),
    ],
)
def test_what_is_wrong_with_a_command_is_one_line_and_code_2(app: App, run: Run, arguments: Sequence[str]) -> None:
    assert app
    outcome = run(*arguments)
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)
    assert outcome.err.startswith("tusd-py: ")


@pytest.mark.parametrize("failure", [StateUnavailable("redis is away\nreally"), OSError(98, "Address already in use")])
def test_what_goes_wrong_later_is_one_line_and_code_1(app: App, run: Run, failure: Exception) -> None:
    app.failure = failure
    outcome = run("serve")
    assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)


def test_check_says_a_line_each_and_fails_if_one_does(app: App, run: Run) -> None:
    app.results = [CheckResult("state", ok=True, detail="sqlite:x")]
    assert run("check") == Said(0, "ok   state  sqlite:x\n", "")
    app.results = [*app.results, CheckResult("bucket write", ok=False, detail="AccessDenied")]
    assert run("check") == Said(1, "ok   state  sqlite:x\nFAIL bucket write  AccessDenied\n", "")


def test_list_goes_through_all_pages(app: App, run: Run) -> None:
    app.records = {upload_id(number): upload(number) for number in range(1001)}
    lines = run("uploads", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["id", *sorted(app.records)]


def test_list_as_json_is_an_object_a_line(app: App, run: Run) -> None:
    app.records = {upload_id(1): upload(1), upload_id(2): upload(2)}
    records = [json.loads(line) for line in run("uploads", "list", "--json").out.splitlines()]
    assert [record["id"] for record in records] == [upload_id(1), upload_id(2)]


def test_file_name_cannot_forge_a_line_of_the_list(app: App, run: Run) -> None:
    app.records = {upload_id(1): replace(upload(1), metadata={"filename": b"a\x1b[2J\nb\xff"})}
    out = run("uploads", "list").out
    assert "\x1b" not in out
    assert len(out.splitlines()) == 2


def test_show_is_json_with_times_in_utc(app: App, run: Run) -> None:
    app.records[upload_id(1)] = changed(upload(1), phase=Phase.DONE, metadata={"filename": b"a\xff"}, expires_at=86_400)
    record = json.loads(run("uploads", "show", upload_id(1)).out)
    assert (record["phase"], record["offset"], record["length"]) == ("done", 4, 10)
    assert (record["created"], record["expires"]) == ("1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z")
    assert record["metadata"] == {"filename": "a\\xff"}
    assert record["link"] == "read/x"


def test_what_is_not_there_is_said_with_code_1(app: App, run: Run) -> None:
    assert app
    assert run("uploads", "show", upload_id(1)) == Said(1, "", "tusd-py: there is no such upload\n")


def test_terminate_takes_several(app: App, run: Run) -> None:
    app.records = {upload_id(number): upload(number) for number in range(3)}
    assert run("uploads", "terminate", upload_id(0), upload_id(2)).code == 0
    assert list(app.records) == [upload_id(1)]


def test_expire_says_how_many(app: App, run: Run) -> None:
    app.records = {upload_id(1): upload(1)}
    assert run("uploads", "expire") == Said(0, "1 expired\n", "")


@pytest.mark.parametrize(
    ("broken", "stubborn", "flags", "code"),
    [(0, 0, (), 0), (2, 0, (), 1), (2, 0, ("--apply",), 0), (2, 1, ("--apply",), 1), (0, 0, ("--apply",), 0)],
)
def test_repair_succeeds_if_nothing_is_left_to_mend(
    app: App, run: Run, broken: int, stubborn: int, flags: Sequence[str], code: int
) -> None:
    app.records = {upload_id(number): upload(number) for number in range(broken)}
    app.stubborn = [upload_id(number) for number in range(stubborn)]
    outcome = run("repair", *flags)
    mended = broken - stubborn if flags else 0
    assert outcome.out.splitlines() == [
        *(f"{number}  it is broken" for number in app.records),
        f"{broken} found, {mended} mended",
    ]
    assert (outcome.code, outcome.err) == (code, "")


def test_no_command_shows_the_help(app: App, run: Run) -> None:
    assert app
    assert "Usage: tusd-py" in run().err


def test_a_real_process_answers_as_promised() -> None:
    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tusd_py", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert python("--version").stdout == f"tusd-py, version {__version__}\n"
    wrong = python("serve", "--port", "http")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "tusd-py: --port 'http': expected a port (0 to 65535)\n"
