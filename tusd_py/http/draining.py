"""The end of a server's life: bodies that are being read are asked to stop, new ones aren't begun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tusd_py.pipeline.body import Body
from tusd_py.protocol.refusals import ServiceUnavailable


class Draining:
    """Knows the bodies in flight."""

    def __init__(self) -> None:
        self.begun = False
        self._bodies: set[Body] = set()

    @contextmanager
    def reading(self, body: Body) -> Iterator[None]:
        """While `body` may be read. Raises ServiceUnavailable once draining has begun."""
        if self.begun:
            raise ServiceUnavailable("the server is restarting; try again soon")
        self._bodies.add(body)
        try:
            yield
        finally:
            self._bodies.discard(body)

    def begin(self) -> None:
        """Let everyone save what has arrived, and take no more."""
        self.begun = True
        for body in tuple(self._bodies):
            body.stop()
