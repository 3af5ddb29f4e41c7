"""AWS settings that botocore doesn't read."""

from __future__ import annotations

import os

from aiobotocore.session import AioSession


def region_of(session: AioSession) -> str | None:
    """Return the bucket's region: AWS_REGION, as other AWS SDKs read it, then what botocore knows. Empty is not set."""
    variable = os.environ.get("AWS_REGION") or session.get_config_variable("region")
    region: str | None = variable or session.get_scoped_config().get("region")
    return region or None


def authority_of(session: AioSession) -> str | None:
    """Return the file of SSL_CERT_FILE, unless a setting of botocore names a CA; None leaves it to botocore."""
    if session.get_config_variable("ca_bundle") is not None or "REQUESTS_CA_BUNDLE" in os.environ:
        return None
    return os.environ.get("SSL_CERT_FILE") or None
