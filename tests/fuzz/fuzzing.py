"""A server with many features switched on, requests that try to stop it, and what must hold meanwhile."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from devtools.seaweed import SeaweedFS
from tests.fuzz.cases import KEY, MULTIPART, Case, abused, bodies, documents, heads
from tests.fuzz.lag import Probe, probing
from tests.fuzz.streams import streams
from tests.support.abuse import TARGET
from tests.support.direct import Begun, DirectClient
from tests.support.sites import LEAKS, Site, s3_site
from tests.support.tus import TusClient

MOST_CPU = 0.5
"""The CPU time of the event loop's thread, in seconds, that requests may take on average: a busy machine doesn't change
it."""
_TRIES = 3
_PATIENCE = 0.5
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_EVERYTHING = {
    "direct_uploads": True,
    "ui": True,
    "behind_proxy": True,
    "log_access": True,
    "log_audit": True,
    "log_level": "debug",
    "ietf_interim_responses": "on",
    "s3_info_objects": True,
    "network_timeout": 0.2,
    "idle_timeout": 20,
    "live": True,
    "listing": True,
    "dashboard": True,
    "jobs": True,
    "plain_uploads": True,
    "plain_max_files": 20,
}
_CASES = st.one_of(heads(), documents(), bodies(), abused(), streams())


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of some requests, in seconds."""

    cpu: float
    """The CPU time of the server's event loop's thread, in seconds."""
    lag: float
    """The most seconds by which /healthz answered later than an idle server, without the time in which the server's
    threads had no processor."""

    def within(self, bounds: Cost) -> bool:
        return self.cpu <= bounds.cpu and self.lag <= bounds.lag


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A running server under test, an open upload and a direct upload in parts on it, and the probe that measures by
    how much it answers other clients later than an idle server."""

    site: Site
    upload: str
    multipart: Begun
    probe: Probe

    def endure(self, drawn: Sequence[Case], *, most_lag: float) -> None:
        """Send the requests, and check that they cost at most `MOST_CPU` seconds of CPU time for each, on average, and
        at most `most_lag` seconds of lag. If they cost more, send them again, three times in all: a costly request is
        costly each time, but a sweep, or another process on the machine, costs once.

        Raises AssertionError if they cost more each time, or if a client that waits for its answer gets a 500; OSError
        if the server takes no connection.
        """
        bounds = Cost(cpu=MOST_CPU * len(drawn), lag=most_lag)
        costs = [self._cost(drawn)]
        while not costs[-1].within(bounds):
            assert len(costs) < _TRIES, f"{costs}, more than {bounds}"
            costs.append(self._cost(drawn))

    def _cost(self, drawn: Sequence[Case]) -> Cost:
        """Send the requests, and return what they cost the server. Raises AssertionError if a client that waits for its
        answer gets a 500; OSError if the server takes no connection."""
        ran, starved = self._scheduled()
        statuses, lag = self._exchange(drawn), self.probe.look()
        cpu, idle = (after - before for after, before in zip(self._scheduled(), (ran, starved), strict=True))
        assert 500 not in statuses, statuses
        return Cost(cpu=cpu, lag=lag.worst - idle)

    def _scheduled(self) -> tuple[float, float]:
        """Return the seconds that the thread of the server's event loop has run since its start, and those that all
        threads of the server together have waited for a processor (schedstat, proc(5)).

        All threads count: one that waits with the interpreter's lock keeps the loop waiting, too.
        """
        spent = dict[str, list[str]]()
        for thread in Path(f"/proc/{self.site.server.pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended since the listing
                spent[thread.name] = (thread / "schedstat").read_text().split()
        ran = int(spent[str(self.site.server.pid)][0])
        return ran / 1e9, sum(int(waited) for _, waited, _ in spent.values()) / 1e9

    def _exchange(self, drawn: Sequence[Case]) -> set[int]:
        """Send each case on its own connection, and return the statuses of the answers to those that wait."""
        with ExitStack() as stack:
            connections = [stack.enter_context(self._send(case)) for case in drawn]
            waiting = [connection for connection, case in zip(connections, drawn, strict=True) if case.waits]
            return {status for connection in waiting for status in _statuses(connection)}

    def _send(self, case: Case) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.site.server.port), timeout=_PATIENCE)
        with suppress(OSError):  # refused before it was all sent
            for piece in case.pieces:
                connection.sendall(self._with_names(piece))
        return connection

    def _with_names(self, piece: bytes) -> bytes:
        names = {TARGET: urlsplit(self.upload).path, MULTIPART: self.multipart.upload_id, KEY: self.multipart.key}
        for mark, name in names.items():
            piece = piece.replace(mark, name.encode())
        return piece


def _statuses(connection: socket.socket) -> Iterator[int]:
    """Yield the status of each answer on the connection, until a final one (200 or above) has come, the connection has
    ended or failed, or nothing has come for half a second."""
    with suppress(OSError):
        while answer := connection.recv(65536):
            statuses = [int(status) for status in _STATUS.findall(answer)]
            yield from statuses
            if max(statuses, default=0) >= 200:
                return


@asynccontextmanager
async def target(directory: Path, seaweed: SeaweedFS) -> AsyncIterator[Target]:
    """A server with an open upload and a direct upload in parts, for as long as the block lasts. Raises AssertionError
    after the block if the server takes no upload, doesn't stop with 0, or has logged a traceback or a warning of a leak
    (`LEAKS` of `tests/support/sites.py`)."""
    async with s3_site(directory, seaweed, **_EVERYTHING) as site, aiohttp.ClientSession() as session:
        upload = await TusClient(session, site.server.url).create(100_000, b"start")
        multipart = await DirectClient(session, site.server.url).begin()
        with probing(site.server.port) as probe:
            yield Target(site=site, upload=upload, multipart=multipart, probe=probe)
        tus = TusClient(session, site.server.url)
        assert await tus.content(await tus.create(5, b"hello")) == b"hello"
        assert await site.server.stop() == 0
        assert not (trouble := _trouble(site.server.log())), trouble


def _trouble(log: str) -> str:
    """Return the first traceback or warning of a leak in the log: up to three lines before it and up to 60 from it on,
    each cut at 300 characters; empty if there is none."""
    lines = log.splitlines()
    marks = (number for number, line in enumerate(lines) if any(mark in line for mark in ("Traceback", *LEAKS)))
    return "\n".join(line[:300] for number in islice(marks, 1) for line in lines[max(number - 3, 0) : number + 60])


def fuzz(target: Target, *, examples: int, most_lag: float, chance: int | None = None) -> None:
    """Send the target up to `examples` lists of one to six drawn requests, with `chance` as the seed of Hypothesis, or
    one that Hypothesis chooses for None. Raises AssertionError with the smallest requests found that cost more than
    `Target.endure` allows or got a 500; ExceptionGroup if Hypothesis finds failures of several kinds, or one that
    doesn't recur."""

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(_CASES, min_size=1, max_size=6))
    def run(drawn: list[Case]) -> None:
        target.endure(drawn, most_lag=most_lag)

    (run if chance is None else seed(chance)(run))()
