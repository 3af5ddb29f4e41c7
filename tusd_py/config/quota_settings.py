"""The settings of quotas."""

from __future__ import annotations

from pydantic import Field

from tusd_py.config import kinds
from tusd_py.config.auth_settings import AuthSettings


class QuotaSettings(AuthSettings):
    """The settings of each owner's limits: bytes stored and reserved, unfinished uploads, uploads created in a time. A
    credential may set other limits in their place."""

    quota_bytes: kinds.OptionalSize = Field(
        default=None, description="Bytes that one owner may have, stored and reserved; none for no limit; 413 beyond."
    )
    quota_uploads: kinds.OptionalCount = Field(
        default=None, description="Unfinished uploads that one owner may have; none for no limit; 413 beyond."
    )
    quota_rate: kinds.OptionalRate = Field(
        default=None, description="Uploads that one owner creates: N/s, N/m or N/h (per worker); 429 beyond."
    )
