"""The region and the CA file from AWS_REGION and SSL_CERT_FILE, environment variables that botocore doesn't read."""

from __future__ import annotations

import os

from aiobotocore.session import AioSession


def region_of(session: AioSession) -> str | None:
    """Return the region of AWS_REGION, which other AWS SDKs read, else that of botocore's settings; None if unset or
    empty."""
    variable = os.environ.get("AWS_REGION") or session.get_config_variable("region")
    region: str | None = variable or session.get_scoped_config().get("region")
    return region or None


def authority_of(session: AioSession) -> str | None:
    """Return the CA file of SSL_CERT_FILE; None if it isn't set, or if a setting that botocore reads names a CA."""
    if session.get_config_variable("ca_bundle") is not None or "REQUESTS_CA_BUNDLE" in os.environ:
        return None
    return os.environ.get("SSL_CERT_FILE") or None
