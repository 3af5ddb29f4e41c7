"""The settings of uploads without a protocol for them: forms, PUT and plain POST."""

from __future__ import annotations

from pydantic import Field

from tusd_py.config import kinds
from tusd_py.config.job_settings import JobSettings


class PlainSettings(JobSettings):
    """The settings of plain uploads."""

    plain_uploads: kinds.Switch = Field(default=False, description="Take forms, PUT and plain POST as uploads.")
