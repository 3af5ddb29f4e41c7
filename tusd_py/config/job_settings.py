"""The settings of jobs on finished uploads."""

from __future__ import annotations

from pydantic import Field

from tusd_py.config import kinds
from tusd_py.config.live_settings import LiveSettings


class JobSettings(LiveSettings):
    """The settings of jobs, scans and exports."""

    jobs: kinds.Switch = Field(default=False, description="Serve /jobs and /exports.")
