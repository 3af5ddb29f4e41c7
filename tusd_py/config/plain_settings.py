"""The settings of uploads without a protocol for resumable uploads: forms, PUT and plain POST."""

from __future__ import annotations

from pydantic import Field

from tusd_py.config import kinds
from tusd_py.config.job_settings import JobSettings
from tusd_py.config.units import KIB


class PlainSettings(JobSettings):
    """The settings of plain uploads: those by forms, PUT and plain POST, without a protocol for resumable uploads."""

    plain_uploads: kinds.Switch = Field(default=False, description="Take forms, PUT and plain POST as uploads.")
    plain_max_files: kinds.Amount = Field(default=1000, description="Files in one form; 400 too-many-files beyond.")
    plain_max_fields: kinds.Amount = Field(default=64, description="Fields in one form; 400 too-many-fields beyond.")
    plain_max_field_bytes: kinds.Size = Field(
        default=16 * KIB, description="Bytes of all fields of one form together; 400 fields-too-large beyond."
    )
