"""The formats of events: pure functions from what is known of an event to the message that is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tusd_py.events_out.formats import cloudevents, s3, tusd
from tusd_py.events_out.formats.facts import Facts, Message

Format = Callable[[Facts], Message | None]
"""Returns None for an event that the format has no words for."""

FORMATS: Mapping[str, Format] = {
    "tusd": tusd.message,
    "cloudevents": cloudevents.structured,
    "cloudevents-binary": cloudevents.binary,
    "s3": s3.message,
}
