"""The metrics: one registry for each application, in one process or several.

With several workers, `sharing.shared_metrics` must be entered before prometheus_client is first imported: the library
then keeps its values in memory-mapped files, and each worker reports the metrics of all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from tusd_py.domain.events import Event, EventType
from tusd_py.domain.upload import Kind
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer
from tusd_py.ports.state import Unfinished
from tusd_py.telemetry.sharing import SHARED_DIRECTORY
from tusd_py.version import __version__

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_S3_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_HOOK_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0)
_LOCK_SECONDS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
Mode = Literal["livesum", "livemostrecent"]
_EVENTS = {
    EventType.CREATED: "Uploads created.",
    EventType.FINISHED: "Uploads finished, without partial ones.",
    EventType.TERMINATED: "Uploads terminated.",
    EventType.EXPIRED: "Uploads removed because they had expired.",
    EventType.LOST: "Uploads removed because the storage had lost their bytes.",
    EventType.ROLLED_BACK: "Uploads set back to a lower offset, since the storage had lost bytes of them.",
}


def known_method(method: str) -> str:
    """Return the method, or `other` for an unknown one, so that clients can't create time series."""
    return method if method in _METHODS else "other"


class Metrics(Observer, Meter):
    """All metrics of one application, as an observer and a meter. Names begin with `tusdpy_`, units are bytes and
    seconds."""

    def __init__(self, buffered: Callable[[], int], buffer_limit: int) -> None:
        """`buffered` returns the bytes of the memory budget that are used now; `buffer_limit` is the budget's limit."""
        self.registry = CollectorRegistry()
        self._buffered = buffered
        self._count_http()
        self._count_uploads()
        self._count_s3()
        self._count_locks()
        self._measure_memory(buffer_limit)
        self._measure_space()
        self._measure_events()

    def _count_http(self) -> None:
        self._requests = self._counter("requests", "Requests answered.", "method", "status")
        self._errors = self._counter("errors", "Requests refused or failed, by error code.", "code")
        self._received_bytes = self._counter("received_bytes", "Bytes received in upload bodies.")
        self._sent_bytes = self._counter("sent_bytes", "Bytes of finished uploads sent.")
        self._in_flight = self._gauge("uploads_in_flight", "Requests whose body is being received now.")

    def _count_uploads(self) -> None:
        self._events = {
            event: self._counter(f"uploads_{event.name.lower()}", help_text) for event, help_text in _EVENTS.items()
        }
        self._leftovers = self._counter("leftovers_removed", "Orphans removed from the storage by the hourly round.")

    def _count_s3(self) -> None:
        self._s3_requests = self._counter("s3_requests", "Calls to S3.", "operation", "outcome")
        self._s3_seconds = self._histogram("s3_request_seconds", "Duration of calls to S3.", _S3_SECONDS, "operation")

    def _count_locks(self) -> None:
        self._lock_seconds = self._histogram(
            "lock_wait_seconds", "Time that requests waited for a lock.", _LOCK_SECONDS
        )
        self._lock_timeouts = self._counter("lock_timeouts", "Requests that did not get a lock in time.")

    def _measure_memory(self, limit: int) -> None:
        self._buffer = self._gauge("buffer_bytes", "Bytes held in part buffers.")
        self._gauge("buffer_limit_bytes", "Bytes that part buffers may hold (memory-budget).").set(limit)
        build = Gauge(
            "build_info",
            "Always 1, labelled with the version that runs.",
            ["version"],
            namespace="tusdpy",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        build.labels(__version__).set(1)

    def _measure_space(self) -> None:
        """Create the gauges of free space and unfinished uploads. The latest value of any worker counts: all workers of
        a node see the same stores."""
        help_text = "Bytes that are free in the {}; +Inf if unlimited or unknown."
        self._free = {
            store: self._gauge(f"{store}_free_bytes", help_text.format(store), "livemostrecent")
            for store in ("state", "storage")
        }
        self._full = {
            store: self._gauge(
                f"{store}_full", f"1 while the {store} has too few free bytes for new uploads.", "livemostrecent"
            )
            for store in ("state", "storage")
        }
        self._open = self._gauge("open_uploads", "Unfinished uploads, on all nodes.", "livemostrecent")
        self._claimed = self._gauge("open_bytes", "Bytes that unfinished uploads have declared.", "livemostrecent")

    def _measure_events(self) -> None:
        self._hook_requests = self._counter(
            "hook_requests", "Attempts at events and questions, by tusd's name for them.", "hook", "outcome"
        )
        self._hook_seconds = self._histogram("hook_seconds", "Duration of these attempts.", _HOOK_SECONDS, "hook")
        self._pending = self._sink_gauge("pending", "Events that wait for their delivery.")
        self._dead = self._sink_gauge("dead", "Events that aren't sent again: every attempt has failed.")
        self._oldest = self._sink_gauge("oldest_seconds", "Age of the oldest event that waits for its delivery.")

    def answered(self, method: str, status: int) -> None:
        """Count an answered request, by method and status."""
        self._requests.labels(known_method(method), str(status)).inc()

    def failed(self, code: str) -> None:
        """Count a request that was refused or failed, or a connection that was refused. `code` is the refusal's; a
        failure that is no refusal has its own, such as `download-unread`."""
        self._errors.labels(code).inc()

    def bytes_sent(self, count: int) -> None:
        self._sent_bytes.inc(count)

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Count a request as in flight while its body is received."""
        self._in_flight.inc()
        try:
            yield
        finally:
            self._in_flight.dec()
            self._update_buffered()

    def notify(self, event: Event) -> None:
        if event.type is not EventType.FINISHED or event.upload.kind is not Kind.PARTIAL:
            self._events[event.type].inc()  # a finished partial upload is no finished file

    def leftover_removed(self, upload_id: UploadId, name: str) -> None:  # noqa: ARG002  the port's signature
        self._leftovers.inc()

    def bytes_received(self, count: int) -> None:
        self._received_bytes.inc(count)
        self._update_buffered()

    def s3_request(self, operation: str, seconds: float, outcome: str) -> None:
        self._s3_requests.labels(operation, outcome).inc()
        self._s3_seconds.labels(operation).observe(seconds)
        self._update_buffered()

    def lock_waited(self, seconds: float, *, got: bool) -> None:
        self._lock_seconds.observe(seconds)
        if not got:
            self._lock_timeouts.inc()

    def space_seen(self, store: str, free: float, *, full: bool) -> None:
        self._free[store].set(free)
        self._full[store].set(full)

    def unfinished_seen(self, unfinished: Unfinished) -> None:
        self._open.set(unfinished.count)
        self._claimed.set(unfinished.claimed)

    def hook_called(self, hook: str, seconds: float, outcome: str) -> None:
        self._hook_requests.labels(hook, outcome).inc()
        self._hook_seconds.labels(hook).observe(seconds)

    def events_seen(self, sink: str, pending: int, dead: int, oldest_seconds: float) -> None:
        self._pending.labels(sink).set(pending)
        self._dead.labels(sink).set(dead)
        self._oldest.labels(sink).set(oldest_seconds)

    def exposition(self) -> bytes:
        """Return the body of /metrics (Prometheus text format), for all workers."""
        self._update_buffered()
        return generate_latest(_registry_of_all_workers() or self.registry)

    def _update_buffered(self) -> None:
        """Set the gauge `buffer_bytes` to the bytes of the memory budget that are used now. To be called after each
        change, since another worker may answer /metrics."""
        self._buffer.set(self._buffered())

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, labels, namespace="tusdpy", registry=self.registry)

    def _sink_gauge(self, name: str, help_text: str) -> Gauge:
        """Create the gauge `events_NAME`, with a value for each sink. The latest value of any worker counts: all nodes
        see the same outbox."""
        return self._gauge(f"events_{name}", help_text, "livemostrecent", "sink")

    def _gauge(self, name: str, help_text: str, mode: Mode = "livesum", *labels: str) -> Gauge:
        """Create a gauge; by default its value is the sum over the running workers."""
        return Gauge(name, help_text, labels, namespace="tusdpy", registry=self.registry, multiprocess_mode=mode)

    def _histogram(self, name: str, help_text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, help_text, labels, namespace="tusdpy", registry=self.registry, buckets=buckets)


def _registry_of_all_workers() -> CollectorRegistry | None:
    if SHARED_DIRECTORY not in os.environ:
        return None
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types for it
    return registry
