"""The facts of an event, which formats turn into messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tusd_py.domain.events import Event
from tusd_py.domain.job import Job
from tusd_py.domain.place import Place

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """The facts that the events of uploads and of jobs have in common."""

    id: str
    """The id of the event, the same for each sink and in each attempt to deliver it."""
    seq: int
    """The number of the event, higher than those of all events before it."""
    at: float
    """The time of the change, in seconds since the epoch."""
    endpoint: str
    """The URL of the creation endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts(EventFacts):
    """The facts of an upload's event: the stored event, and the place of the upload's object."""

    event: Event
    place: Place
    """The place of the upload's object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts(EventFacts):
    """The facts of the event of a job's end."""

    job: Job
    """The job as recorded with its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An event, or a question to a hook, in a format and ready to be sent."""

    name: str
    """The event's type, as the format names it; for tusd's format and questions, the name of the hook."""
    body: bytes
    """UTF-8 text."""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header fields of the format, with visible ASCII characters only."""
