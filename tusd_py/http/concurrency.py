"""Limits on the number of requests at a time, from one client and in all, and on the rate of creations.

Once the server shuts down, no request may create an upload or send bytes of one to the server.

HEAD is always admitted: a client that can't learn its offset starts over from the first byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tusd_py.config.units import Rate
from tusd_py.domain.refusals import ServiceUnavailable, TooManyRequests
from tusd_py.engine.rate_limiter import RateLimiter
from tusd_py.ports.body import Body


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyLimits:
    """The most requests at a time, and the highest rate of creations; None is no limit."""

    uploads: int | None = None
    """The most requests whose bodies are received at a time, in all; None for no limit."""
    client_uploads: int | None = None
    """The most requests whose bodies are received at a time from one client: an IPv4 address, or an IPv6 network (/64).
    None for no limit."""
    client_requests: int | None = None
    """The most requests from one client that handlers work on at a time, not counting HEAD, OPTIONS, and those for the
    upload page and probes; None for no limit."""
    client_creations: Rate | None = None
    """The most uploads that one client may create in a period, on all routes together; None for no limit."""


class Concurrency:
    """A counter of the requests being served, the bodies being received and the uploads created, which refuses those
    beyond `ConcurrencyLimits`."""

    def __init__(self, limits: ConcurrencyLimits) -> None:
        self.closed = False
        self._limits = limits
        rate = limits.client_creations
        self._creations = RateLimiter(None if rate is None else (rate.count, rate.seconds))
        self._requests: Counter[str] = Counter()
        self._uploads: Counter[str] = Counter()
        self._bodies: set[Body] = set()

    @contextmanager
    def request(self, client: str) -> Iterator[None]:
        """Count a request of `client` while the context lasts. Raises TooManyRequests if the client has as many as it
        may."""
        with _counted(self._requests, client, self._limits.client_requests):
            yield

    def check_open(self) -> None:
        """Raise ServiceUnavailable once the server shuts down: then no request may create an upload or send bytes of
        one to the server."""
        if self.closed:
            raise ServiceUnavailable("the server is restarting; try again soon")

    def creation(self, client: str) -> None:
        """Count an upload that `client` is about to create. Raises TooManyRequests above the rate, ServiceUnavailable
        once the server shuts down."""
        self.check_open()
        self._creations.check(client)

    @contextmanager
    def upload(self, client: str, body: Body) -> Iterator[None]:
        """Count `body` as being received while the context lasts; `Concurrency.close` stops the body. Raises
        TooManyRequests at the limit of the client, ServiceUnavailable at that of the server or once the server
        shuts down.
        """
        self.check_open()
        if self._limits.uploads is not None and len(self._bodies) >= self._limits.uploads:
            raise ServiceUnavailable("the server takes no more uploads right now; try again soon")
        with _counted(self._uploads, client, self._limits.client_uploads):
            self._bodies.add(body)
            try:
                yield
            finally:
                self._bodies.discard(body)

    def close(self) -> None:
        """Stop all bodies, so that their requests save what has arrived, and admit no further body or creation."""
        self.closed = True
        for body in tuple(self._bodies):
            body.stop()


@contextmanager
def _counted(present: Counter[str], client: str, limit: int | None) -> Iterator[None]:
    if limit is not None and present[client] >= limit:
        raise TooManyRequests
    present[client] += 1
    try:
        yield
    finally:
        present[client] -= 1
        if not present[client]:
            del present[client]
