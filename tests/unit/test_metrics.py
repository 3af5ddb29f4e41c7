from __future__ import annotations

import errno
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tusd_py import __version__
from tusd_py.domain.events import UPLOAD_TYPES, Event, EventType
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.meter import Meter, Meters
from tusd_py.ports.observer import Observer, Observers
from tusd_py.ports.state import Unfinished
from tusd_py.telemetry.metrics import Metrics
from tusd_py.telemetry.sharing import forget_worker, shared_metrics

UPLOAD = Upload(id=UploadId("a" * 32), length=10, times=Times.at_creation(0))


def new_metrics(buffered: int = 0) -> Metrics:
    return Metrics(lambda: buffered, 1000)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"tusdpy_{name}", labels)


def test_what_happens_to_uploads_is_counted() -> None:
    metrics = new_metrics()
    observers, measured = Observers((Observer(), metrics)), Meters((metrics, Meter()))
    for event in (*UPLOAD_TYPES, EventType.CREATED):
        observers.notify(Event(type=event, upload=UPLOAD))
    measured.bytes_received(5)
    measured.bytes_received(7)
    observers.trouble("nothing to count")
    names = ("created", "finished", "terminated", "expired", "lost", "rolled_back")
    assert [value(metrics, f"uploads_{name}_total") for name in names] == [2, 1, 1, 1, 1, 1]
    assert value(metrics, "received_bytes_total") == 12


def test_unknown_methods_share_one_series() -> None:
    """Requests with unknown methods count under one value of the label `method`, `other`: a client can't make a series
    for each method that it invents."""
    metrics = new_metrics()
    metrics.answered("PATCH", 204)
    for number in range(5):
        metrics.answered(f"EVIL{number}", 405)
    assert value(metrics, "requests_total", method="PATCH", status="204") == 1
    assert value(metrics, "requests_total", method="other", status="405") == 5


def test_refusals_and_sent_bytes_are_counted() -> None:
    metrics = new_metrics()
    metrics.failed("locked")
    metrics.bytes_sent(9)
    assert (value(metrics, "errors_total", code="locked"), value(metrics, "sent_bytes_total")) == (1, 9)


def test_failed_body_leaves_uploads_in_flight() -> None:
    metrics = new_metrics()

    def cut() -> None:
        with metrics.receiving():
            assert value(metrics, "uploads_in_flight") == 1
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        cut()
    assert value(metrics, "uploads_in_flight") == 0


def test_s3_series_have_operation_and_outcome() -> None:
    metrics = new_metrics()
    meters = Meters((metrics,))
    meters.s3_request("UploadPart", 0.2, "ok")
    meters.s3_request("UploadPart", 0.4, "SlowDown")
    assert value(metrics, "s3_requests_total", operation="UploadPart", outcome="SlowDown") == 1
    assert value(metrics, "s3_request_seconds_count", operation="UploadPart") == 2
    assert value(metrics, "s3_request_seconds_sum", operation="UploadPart") == pytest.approx(0.6)


def test_the_last_look_at_unfinished_uploads_is_shown() -> None:
    metrics = new_metrics()
    meters = Meters((metrics, Meter()))
    meters.unfinished_seen(Unfinished(count=3, claimed=2**43))
    meters.unfinished_seen(Unfinished(count=2, claimed=2**42))
    assert (value(metrics, "open_uploads"), value(metrics, "open_bytes")) == (2, 2**42)


def test_waits_are_timed_and_timeouts_counted() -> None:
    metrics = new_metrics()
    meters = Meters((metrics,))
    meters.lock_waited(0.1, got=True)
    meters.lock_waited(5.0, got=False)
    assert (value(metrics, "lock_wait_seconds_count"), value(metrics, "lock_timeouts_total")) == (2, 1)


def test_the_buffers_are_as_full_as_they_are_when_asked() -> None:
    buffered = [3]
    metrics = Metrics(lambda: buffered[0], 1000)
    assert b"tusdpy_buffer_bytes 3.0" in metrics.exposition()
    buffered[0] = 5
    assert b"tusdpy_buffer_bytes 5.0" in metrics.exposition()
    assert value(metrics, "buffer_limit_bytes") == 1000


def test_the_room_that_is_left_is_as_last_seen() -> None:
    metrics = new_metrics()
    meters = Meters((metrics,))
    meters.space_seen("state", 5, full=True)
    meters.space_seen("storage", math.inf, full=False)
    assert (value(metrics, "state_free_bytes"), value(metrics, "state_full")) == (5, 1)
    assert (value(metrics, "storage_free_bytes"), value(metrics, "storage_full")) == (math.inf, 0)
    assert b"tusdpy_storage_free_bytes +Inf" in metrics.exposition()


def test_exposition_has_text_format_and_version() -> None:
    families = list(text_string_to_metric_families(new_metrics().exposition().decode()))
    (build,) = [sample for family in families for sample in family.samples if family.name == "tusdpy_build_info"]
    assert (build.labels, build.value) == ({"version": __version__}, 1)
    assert all(family.name.startswith("tusdpy_") and family.documentation for family in families)


def test_two_applications_in_one_process_count_apart() -> None:
    one, two = new_metrics(), new_metrics()
    one.notify(Event(type=EventType.CREATED, upload=UPLOAD))
    assert (value(one, "uploads_created_total"), value(two, "uploads_created_total")) == (1, 0)


WORKER = """
import os, sys
from tusd_py.telemetry.metrics import Metrics
metrics = Metrics(lambda: int(sys.argv[1]), 1000)
metrics.bytes_received(int(sys.argv[1]))
print(os.getpid(), flush=True)
for line in sys.stdin:
    print(metrics.exposition().decode().replace(chr(10), "|"), flush=True)
"""


def worker(count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, str(count)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def read(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def scrape(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()
    return read(process).split("|")


def test_workers_share_their_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """With several workers, the exposition of each has the sums of all for received bytes and buffers, and
    `tusdpy_build_info` once, as 1. After `forget_worker`, the counters of an ended worker still count, its gauges no
    more."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    with shared_metrics(), worker(30) as one, worker(12) as two:
        pids = [int(read(process)) for process in (one, two)]
        sums = {"tusdpy_received_bytes_total 42.0", "tusdpy_buffer_bytes 42.0", "tusdpy_buffer_limit_bytes 2000.0"}
        assert sums <= set(scrape(one))
        assert f"tusdpy_build_info{{version={json.dumps(__version__)}}} 1.0" in scrape(one)
        two.communicate()
        forget_worker(pids[1])
        assert {"tusdpy_received_bytes_total 42.0", "tusdpy_buffer_bytes 30.0"} <= set(scrape(one))
        one.communicate()


def test_gauges_that_cant_be_found_hold_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`forget_worker` raises nothing if the gauges can't be listed, as without a free descriptor: the supervisor still
    has to replace the worker."""

    def refused(*_: object) -> Iterator[Path]:
        raise OSError(errno.EMFILE, "Too many open files")

    with shared_metrics():
        monkeypatch.setattr(Path, "glob", refused)
        forget_worker(1)
        monkeypatch.undo()
