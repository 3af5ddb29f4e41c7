"""The settings of quotas."""

from __future__ import annotations

from tusd_py.config.auth_settings import AuthSettings


class QuotaSettings(AuthSettings):
    """The settings of what an owner may store, and how fast uploads are created."""
