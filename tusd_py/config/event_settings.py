"""The settings of hooks and events."""

from __future__ import annotations

from tusd_py.config.server_settings import ServerSettings


class EventSettings(ServerSettings):
    """The settings of questions to hooks, and of events that are delivered to sinks."""
