"""The settings of what can be watched: events of one upload, the feed, listings and the dashboard."""

from __future__ import annotations

from pydantic import Field

from tusd_py.config import kinds
from tusd_py.config.quota_settings import QuotaSettings


class LiveSettings(QuotaSettings):
    """The settings of the routes by which clients watch uploads: events, listings and the dashboard."""

    live: kinds.Switch = Field(
        default=False, description="Serve /files/{id}/events, /status and /socket, and the feed at /events."
    )
    listing: kinds.Switch = Field(default=False, description="Serve the list of uploads at /uploads.")
    dashboard: kinds.Switch = Field(default=False, description="Serve the dashboard at /dashboard.")
    live_max_listeners: kinds.Amount = Field(
        default=10_000, description="Listeners at a time of one worker; 503 too-many-listeners beyond."
    )
    live_max_upload_listeners: kinds.Amount = Field(
        default=1000, description="Listeners at a time of one upload (per worker); 429 too-many-listeners beyond."
    )
    live_max_client_listeners: kinds.Amount = Field(
        default=100,
        description="Listeners at a time of one client address (per worker); 429 beyond.",
    )
    live_heartbeat: kinds.PositiveDuration = Field(
        default=15.0, description="Silence after which a listener is sent a comment, a ping or a blank line."
    )

    @property
    def keeps_events(self) -> bool:
        """True if the outbox keeps events for clients that watch uploads, also when no sink receives events."""
        return self.live or self.dashboard
