"""Metrics, in a registry of their own for each application; one process or several.

With several workers, `sharing.shared_metrics` must be entered before prometheus_client is first imported: the library
then keeps its values in memory-mapped files, and any worker answers for all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from tusd_py.domain.events import Event, EventType
from tusd_py.domain.upload import Kind, Unfinished, UploadId
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer
from tusd_py.telemetry.sharing import SHARED_DIRECTORY
from tusd_py.version import __version__

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_S3_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LOCK_SECONDS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
_EVENTS = {
    EventType.CREATED: "Uploads created.",
    EventType.FINISHED: "Uploads whose object exists.",
    EventType.TERMINATED: "Uploads terminated.",
    EventType.EXPIRED: "Uploads removed because their time was up.",
    EventType.LOST: "Uploads removed because nothing of them was left.",
    EventType.ROLLED_BACK: "Uploads whose bytes were gone: back at less.",
}


def known_method(method: str) -> str:
    """One of few words: a client chooses what it calls a method."""
    return method if method in _METHODS else "other"


class Metrics(Observer, Meter):
    """Everything counted, under names that begin with `tusdpy_`. Bytes and seconds throughout."""

    def __init__(self, buffered: Callable[[], int], buffer_limit: int) -> None:
        """`buffered` tells the bytes that part buffers hold right now, out of `buffer_limit`."""
        self.registry = CollectorRegistry()
        self._buffered = buffered
        self._count_http()
        self._count_uploads()
        self._count_s3()
        self._count_locks()
        self._measure_memory(buffer_limit)
        self._measure_space()

    def _count_http(self) -> None:
        self._requests = self._counter("requests", "Requests answered.", "method", "status")
        self._errors = self._counter("errors", "Requests refused or failed, by the stable code.", "code")
        self._received = self._counter("received_bytes", "Bytes of upload bodies taken.")
        self._sent = self._counter("sent_bytes", "Bytes of finished uploads sent.")
        self._in_flight = self._gauge("uploads_in_flight", "Requests whose body is being taken now.")

    def _count_uploads(self) -> None:
        self._events = {
            event: self._counter(f"uploads_{event.name.lower()}", about) for event, about in _EVENTS.items()
        }
        self._leftovers = self._counter("leftovers_removed", "What crashes had left in the storage, removed.")

    def _count_s3(self) -> None:
        self._s3_requests = self._counter("s3_requests", "Calls to S3.", "operation", "outcome")
        self._s3_seconds = self._histogram("s3_request_seconds", "How long S3 took.", _S3_SECONDS, "operation")

    def _count_locks(self) -> None:
        self._lock_seconds = self._histogram("lock_wait_seconds", "How long a request waited its turn.", _LOCK_SECONDS)
        self._lock_timeouts = self._counter("lock_timeouts", "Requests whose turn did not come.")

    def _measure_memory(self, limit: int) -> None:
        self._buffer = self._gauge("buffer_bytes", "Bytes held in part buffers.")
        self._gauge("buffer_limit_bytes", "Bytes that part buffers may hold (memory-budget).").set(limit)
        build = Gauge(
            "build_info",
            "The version that runs.",
            ["version"],
            namespace="tusdpy",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        build.labels(__version__).set(1)

    def _measure_space(self) -> None:
        """The workers of a node see the same stores: the last look of any of them counts."""
        about = "Bytes that are free in the {}; +Inf where no end is known."
        self._free = {
            store: self._gauge(f"{store}_free_bytes", about.format(store), "livemostrecent")
            for store in ("state", "storage")
        }
        self._full = {
            store: self._gauge(f"{store}_full", f"1 while the {store} has no room for new uploads.", "livemostrecent")
            for store in ("state", "storage")
        }
        self._open = self._gauge("open_uploads", "Uploads that are unfinished, on all nodes.", "livemostrecent")
        self._claimed = self._gauge("open_bytes", "Bytes that unfinished uploads have declared.", "livemostrecent")

    def answered(self, method: str, status: int) -> None:
        """A request has its answer."""
        self._requests.labels(known_method(method), str(status)).inc()

    def failed(self, code: str) -> None:
        """A request was refused or failed; `code` is a refusal's stable code."""
        self._errors.labels(code).inc()

    def bytes_sent(self, count: int) -> None:
        self._sent.inc(count)

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Around the time in which a request's body is taken."""
        self._in_flight.inc()
        try:
            yield
        finally:
            self._in_flight.dec()
            self._look_at_buffers()

    def notify(self, event: Event) -> None:
        if event.type is not EventType.FINISHED or event.upload.kind is not Kind.PARTIAL:
            self._events[event.type].inc()  # of finished ones only the final one is what anybody waits for

    def leftover_removed(self, upload_id: UploadId, name: str) -> None:  # noqa: ARG002  the port's signature
        self._leftovers.inc()

    def bytes_received(self, count: int) -> None:
        self._received.inc(count)
        self._look_at_buffers()

    def s3_request(self, operation: str, seconds: float, outcome: str) -> None:
        self._s3_requests.labels(operation, outcome).inc()
        self._s3_seconds.labels(operation).observe(seconds)
        self._look_at_buffers()

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

    def exposition(self) -> bytes:
        """The body of /metrics (Prometheus text format), for all workers."""
        self._look_at_buffers()
        return generate_latest(_of_all_workers() or self.registry)

    def _look_at_buffers(self) -> None:
        """Often, rather than when asked: another worker may be the one that is asked."""
        self._buffer.set(self._buffered())

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, namespace="tusdpy", registry=self.registry)

    def _gauge(self, name: str, about: str, mode: Literal["livesum", "livemostrecent"] = "livesum") -> Gauge:
        """Summed over the workers that live, if not said otherwise."""
        return Gauge(name, about, namespace="tusdpy", registry=self.registry, multiprocess_mode=mode)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, about, labels, namespace="tusdpy", registry=self.registry, buckets=buckets)


def _of_all_workers() -> CollectorRegistry | None:
    if SHARED_DIRECTORY not in os.environ:
        return None
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    return registry
