"""The settings of hooks and events."""

from __future__ import annotations

from pydantic import Field

from tusd_py.config import kinds
from tusd_py.config.server_settings import ServerSettings

_DAYS = 86_400.0


class EventSettings(ServerSettings):
    """The settings of questions to hooks, and of events that are delivered to sinks."""

    events_retention: kinds.OptionalDuration = Field(
        default=3 * _DAYS, description="How long delivered events are kept for a replay; none for no end."
    )
