"""The settings of authentication, rights and upload tokens."""

from __future__ import annotations

from tusd_py.config.event_settings import EventSettings


class AuthSettings(EventSettings):
    """The settings that say who may do what."""
