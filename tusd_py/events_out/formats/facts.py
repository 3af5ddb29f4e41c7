"""The facts of an event that formats are made from, and the messages that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tusd_py.domain.events import Event
from tusd_py.domain.job import Job
from tusd_py.domain.place import Place

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """The facts of any event."""

    id: str
    """The same for each attempt and each sink."""
    seq: int
    """A number that grows with each event."""
    at: float
    """The time of the change, in seconds since the epoch."""
    endpoint: str
    """The URL of the creation endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts(EventFacts):
    """An upload's event as it is told: the stored one, and where it happened."""

    event: Event
    place: Place
    """The place of the upload's object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts(EventFacts):
    """The event of a job's end as it is told."""

    job: Job
    """The job as recorded with its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An event in a format."""

    name: str
    """The event's type, as the format names it."""
    body: bytes
    """UTF-8 text."""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header fields of the format, with visible ASCII characters only."""
