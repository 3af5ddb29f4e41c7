"""The formats of events: pure functions from the facts of an event to the message that is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tusd_py.events_out.formats import cloudevents, s3, tusd
from tusd_py.events_out.formats.facts import Facts, Message

Format = Callable[[Facts], Message | None]
"""A function that puts an event into a format; it returns None for an event that the format can't express."""

FORMATS: Mapping[str, Format] = {
    "tusd": tusd.message,
    "cloudevents": cloudevents.structured,
    "cloudevents-binary": cloudevents.binary,
    "s3": s3.message,
}
