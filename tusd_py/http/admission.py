"""Who may come in: so many requests at a time, from one client and in all, so many creations in a while, and nobody
once the end has begun.

HEAD is always let in: a client that can't learn its offset starts over from the first byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tusd_py.config.units import Rate
from tusd_py.domain.refusals import ServiceUnavailable, TooManyRequests
from tusd_py.http.connection.pace import Pace
from tusd_py.ports.body import Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How many at a time; None is any number."""

    uploads: int | None = None
    """Requests whose body is being taken, in all."""
    client_uploads: int | None = None
    """The same, from one client address."""
    client_requests: int | None = None
    """Requests of any kind but HEAD and OPTIONS, from one client address."""
    client_creations: Rate | None = None
    """Uploads created from one client address, however."""


class Admission:
    """Knows who is in, and the bodies in flight."""

    def __init__(self, crowd: Crowd) -> None:
        self.closed = False
        self._crowd = crowd
        self._creations = Pace(crowd.client_creations)
        self._requests: Counter[str] = Counter()
        self._uploads: Counter[str] = Counter()
        self._bodies: set[Body] = set()

    @contextmanager
    def request(self, client: str) -> Iterator[None]:
        """While a request of `client` is served. Raises TooManyRequests."""
        with _counted(self._requests, client, self._crowd.client_requests):
            yield

    def check_open(self) -> None:
        """Raises ServiceUnavailable once the end has begun: nothing new begins then."""
        if self.closed:
            raise ServiceUnavailable("the server is restarting; try again soon")

    def creation(self, client: str) -> None:
        """Before `client` creates an upload. Raises TooManyRequests, ServiceUnavailable."""
        self.check_open()
        self._creations.check(client)

    @contextmanager
    def upload(self, client: str, body: Body) -> Iterator[None]:
        """While `body` may be read. Raises TooManyRequests, ServiceUnavailable."""
        self.check_open()
        if self._crowd.uploads is not None and len(self._bodies) >= self._crowd.uploads:
            raise ServiceUnavailable("the server takes no more uploads right now; try again soon")
        with _counted(self._uploads, client, self._crowd.client_uploads):
            self._bodies.add(body)
            try:
                yield
            finally:
                self._bodies.discard(body)

    def close(self) -> None:
        """Let everyone who is in save what has arrived, and nobody else in."""
        self.closed = True
        for body in tuple(self._bodies):
            body.stop()


@contextmanager
def _counted(present: Counter[str], client: str, most: int | None) -> Iterator[None]:
    if most is not None and present[client] >= most:
        raise TooManyRequests
    present[client] += 1
    try:
        yield
    finally:
        present[client] -= 1
        if not present[client]:
            del present[client]
