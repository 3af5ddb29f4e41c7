"""Requests of one client and their answers, and the report that a promise was broken."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

_KEPT = 400
"""The most lines of a client's history; beyond them the oldest line is dropped."""


class Breach(Exception):
    """The server broke a promise; the message says which."""


class Ended(Exception):
    """The upload is gone, as its client expects: it was deleted, or its time was up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A broken promise: its deployment, the client that noticed it or the name of another check, the time, and the
    lines that belong to it, of the client's history, of its upload's calls to S3 and of the servers' logs."""

    site: str
    client: str
    problem: str
    after: float
    """Seconds since the storm began."""
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n    ".join(
            [f"FINDING {self.site} {self.client} after {self.after:.1f} s: {self.problem}", *self.lines]
        )


@dataclass(slots=True)
class Tally:
    """The counts of what happened in a storm, and its findings."""

    logged: Path
    """The file that logs the begin and the end of each trouble caused on purpose (`weather`)."""
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    peaks: dict[str, int] = field(default_factory=dict)
    """Most resident bytes of a process, by site."""
    began: float = field(default_factory=time.monotonic)

    def report(self, site: str, client: str, problem: str, lines: tuple[str, ...] = ()) -> None:
        finding = Finding(site=site, client=client, problem=problem, after=time.monotonic() - self.began, lines=lines)
        self.findings.append(finding)
        print(f"\n{finding}", flush=True)

    def log(self, event: str) -> None:
        with self.logged.open("a") as log:
            log.write(f"{moment()} {event}\n")

    def memory(self, site: str, resident: int) -> None:
        """Note the resident bytes of one process of the site; only the highest number is kept."""
        self.peaks[site] = max(self.peaks.get(site, 0), resident)


class History:
    """The requests of one client and their answers, with times as the servers' logs have them."""

    def __init__(self, client: str) -> None:
        self.client = client
        self._lines: deque[str] = deque(maxlen=_KEPT)

    def note(self, text: str) -> None:
        self._lines.append(f"{moment()} {text}")

    def lines(self) -> tuple[str, ...]:
        return tuple(self._lines)


def moment() -> str:
    """Return the time of day in UTC, as HH:MM:SS with milliseconds."""
    return f"{datetime.now(UTC):%H:%M:%S.%f}"[:-3]
