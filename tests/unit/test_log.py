from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tusd_py.domain.events import UPLOAD_TYPES, Event, EventType, Reason
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.telemetry.audit import Audit
from tusd_py.telemetry.log import _PLAIN_COLUMNS, LogMeter, LogObserver, configure_logging, get_logger
from tusd_py.telemetry.served import renew, serving

UPLOAD = Upload(id=UploadId("a" * 32), length=10, offset=4, times=Times.at_creation(0))


@pytest.fixture(autouse=True)
def _same_logging_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("logThreads", "logProcesses", "logMultiprocessing", "_srcfile"):
        monkeypatch.setattr(logging, name, getattr(logging, name))
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers.clear()
    yield
    root.handlers[:], root.level = handlers, level
    logging.getLogger("aiohttp.access").setLevel(logging.NOTSET)


def configured(log_format: Literal["text", "json"] = "json", level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    configure_logging(log_format, level, stream)
    return stream


def records(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_its_fields() -> None:
    stream = configured()
    get_logger("tusd_py.x").info("upload created", id="abc", length=None)
    (record,) = records(stream)
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "event": "upload created", "id": "abc", "length": None, "level": "info", "logger": "tusd_py.x",
    }  # fmt: skip


def test_other_peoples_records_look_the_same() -> None:
    stream = configured()
    logging.getLogger("elsewhere").warning("%s is odd", "this")
    (record,) = records(stream)
    assert (record["event"], record["logger"], record["level"]) == ("this is odd", "elsewhere", "warning")


def test_below_the_level_nothing_is_said() -> None:
    stream = configured(level="warning")
    get_logger("tusd_py.x").info("quiet")
    get_logger("tusd_py.x").warning("loud")
    assert [record["event"] for record in records(stream)] == ["loud"]


def test_libraries_keep_to_the_level_too() -> None:
    stream = configured(level="error")
    for name in ("tusd_py.x", "botocore.auth", "asyncio", "aiohttp.server"):
        logging.getLogger(name).warning("quiet")
        logging.getLogger(name).error("loud")
    assert [record["event"] for record in records(stream)] == ["loud"] * 4


@pytest.mark.parametrize("name", ["botocore.auth", "urllib3.connectionpool", "aiohttp.access", "asyncio"])
def test_what_others_say_too_often_or_too_openly_is_left_out(name: str) -> None:
    stream = configured(level="debug")
    logging.getLogger(name).info("GET /?X-Amz-Signature=abc")
    assert stream.getvalue() == ""


def test_what_clients_offer_for_a_websocket_is_left_out() -> None:
    stream = configured(level="debug")
    logging.getLogger("aiohttp.websocket").warning("Client protocols ['bearer', 'SECRET'] don't overlap")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(
    "secret",
    [
        "https://b.example.org/k?X-Amz-Credential=SECRET&X-Amz-Signature=SECRET",
        "https://b.example.org/k?a=1&Signature=SECRET",
        "redis://user:SECRET@redis:6379/0",
        "redis://user:it's-SECRET@redis:6379/0",
        "AWS4-HMAC-SHA256 Credential=SECRET, SignedHeaders=host, Signature=SECRET",
        "/files/?token=SECRET.SECRET.SECRET",
        "https://up.example.org/files/?a=1&Token=SECRET&b=2",
        "/files/events?ticket=SECRET",
    ],
)
def test_what_is_secret_is_never_written(log_format: Literal["text", "json"], secret: str) -> None:
    stream = configured(log_format)
    get_logger("tusd_py.x").warning("trouble", where=secret, nested=[{"url": secret}])
    logging.getLogger("elsewhere").warning("no answer from %s", secret)
    try:
        int(secret)
    except ValueError:
        logging.getLogger("elsewhere").exception("bad")
    assert "SECRET" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    if log_format == "json":
        assert len(records(stream)) == 3


def test_text_without_terminal_has_no_control_codes() -> None:
    stream = configured("text")
    get_logger("tusd_py.x").info("upload created", filename="a\x1b[2J\nforged")
    logging.getLogger("elsewhere").warning("bad header: %s", "x\nforged\x1b[2J")
    assert "\x1b" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 2


TEXTS = st.text() | st.sampled_from(["a b", "a=b", 'a"b', "a'b", "a\tb", "a\nb", "", "é"])


@given(
    level=st.sampled_from(["debug", "info", "warning", "error", "critical", "exception"]),
    event=TEXTS,
    fields=st.dictionaries(st.text("abz_", min_size=1), TEXTS | st.none() | st.integers() | st.lists(st.integers())),
)
def test_a_line_is_that_of_structlogs_own_columns(level: str, event: str, fields: dict[str, Any]) -> None:
    """With `_PLAIN_COLUMNS` in place of its default columns, which take twice the time, structlog's ConsoleRenderer
    without colours makes the same lines."""
    slow, fast = (structlog.dev.ConsoleRenderer(colors=False) for _ in range(2))
    fast.columns = _PLAIN_COLUMNS
    line = {"timestamp": "2026-11-29T16:57:57.422248Z", "level": level, "event": event, "logger": "tusd_py.x", **fields}
    assert fast(None, level, dict(line)) == slow(None, level, dict(line))


def test_a_line_of_a_stack_is_never_taken_for_an_event() -> None:
    stream = configured("text")
    get_logger("tusd_py.x").warning("bad", exc_info=ValueError("no\n2026-01-01T00:00:00Z [info] forged\x1b[2J\r\x85"))
    first, *stack = stream.getvalue().removesuffix("\n").split("\n")
    assert "bad" in first
    assert any("forged" in line for line in stack)
    assert all(line.startswith("  ") and line.isprintable() for line in stack)


def test_each_change_of_state_is_one_event() -> None:
    stream = configured()
    observer = LogObserver(get_logger("tusd_py"))
    ends = {EventType.TERMINATED: Reason.CLIENT, EventType.EXPIRED: Reason.EXPIRED, EventType.LOST: Reason.LOST}
    for event in UPLOAD_TYPES:
        observer.notify(Event(type=event, upload=UPLOAD, reason=ends.get(event), before=9))
    observer.trouble("the sweep failed", attempt=2)
    LogMeter(get_logger("tusd_py")).s3_request("UploadPart", 0.1, "ok")
    lines = records(stream)
    states = ["created", "finished", "terminated", "expired", "lost"]
    names = [*(f"upload {state}" for state in states), "upload rolled back", "the sweep failed"]
    assert [record["event"] for record in lines] == names
    assert [record.get("reason") for record in lines[:5]] == [None, None, "client", "expired", "lost"]
    assert {"id": UPLOAD.id, "offset": 4, "length": 10, "kind": "regular"}.items() <= lines[0].items()
    assert (lines[-1]["level"], lines[-1]["attempt"]) == ("warning", 2)


def test_calls_to_s3_are_there_for_who_asks() -> None:
    stream = configured(level="debug")
    LogMeter(get_logger("tusd_py")).s3_request("UploadPart", 0.12345, "SlowDown")
    assert [(record["operation"], record["outcome"]) for record in records(stream)] == [("UploadPart", "SlowDown")]


def test_stderr_is_where_logs_go() -> None:
    script = "from tusd_py.telemetry.log import *; configure_logging('json', 'info'); get_logger('x').info('hello')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, json.loads(done.stderr)["event"]) == ("", "hello")


def test_mounted_application_logs_to_its_host(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger().addHandler(caplog.handler)
    get_logger("tusd_py.x").warning("trouble", filename="a", message="b")
    assert "trouble" in caplog.text


def request_fields() -> dict[str, str]:
    return {"address": "192.0.2.1", "method": "PATCH"}


def test_what_is_said_while_a_request_is_served_names_it() -> None:
    stream = configured()
    with serving(request_fields):
        get_logger("tusd_py.x").info("upload created", method="said")
        logging.getLogger("elsewhere").warning("odd")
    get_logger("tusd_py.x").info("sweep")
    pairs = [(record.get("address"), record.get("method")) for record in records(stream)]
    assert pairs == [("192.0.2.1", "said"), ("192.0.2.1", "PATCH"), (None, None)]


async def test_a_task_that_outlives_its_request_says_nothing_of_it() -> None:
    stream, over = configured(), asyncio.Event()

    async def later() -> None:
        await over.wait()
        get_logger("tusd_py.x").info("late")

    with serving(request_fields):
        task = asyncio.create_task(later())
        get_logger("tusd_py.x").info("early")
    over.set()
    await task
    assert [record.get("address") for record in records(stream)] == ["192.0.2.1", None]


def test_a_request_is_only_asked_for_what_is_written() -> None:
    configured(level="warning")
    with serving(lambda: pytest.fail("nothing is written")):
        get_logger("tusd_py.x").info("quiet")
        Audit(on=False).refused(None, 404, "not-found")
        Audit(on=True).downloaded(UPLOAD.id, 200, bytes_sent=1, complete=True)


def test_an_event_names_the_owner_of_its_upload() -> None:
    stream = configured()
    for owner in ("alice", None):
        LogObserver(get_logger("tusd_py")).notify(Event(type=EventType.CREATED, upload=replace(UPLOAD, owner=owner)))
    assert [record.get("owner") for record in records(stream)] == ["alice", None]


def test_renewed_fields_are_in_later_lines() -> None:
    stream, fields = configured(), {"method": "POST"}
    with serving(lambda: dict(fields)):
        get_logger("tusd_py.x").warning("before")
        fields["owner"] = "alice"
        renew()
        get_logger("tusd_py.x").warning("after")
    renew()
    assert [record.get("owner") for record in records(stream)] == [None, "alice"]
