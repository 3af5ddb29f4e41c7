"""The region and the CA file from AWS_REGION and SSL_CERT_FILE, environment variables that botocore doesn't take them
from.
"""

from __future__ import annotations

import os

from aiobotocore.session import AioSession


def region_of(session: AioSession) -> str | None:
    """Return the region of AWS_REGION, which other AWS SDKs read, else that of AWS_DEFAULT_REGION or of the AWS
    profile, as botocore reads them; None if there is none. An empty value counts as unset."""
    variable = os.environ.get("AWS_REGION") or session.get_config_variable("region")
    region: str | None = variable or session.get_scoped_config().get("region")
    return region or None


def authority_of(session: AioSession) -> str | None:
    """Return the CA file of SSL_CERT_FILE; None if it is unset or empty, or if a setting for a CA that botocore reads
    is set: AWS_CA_BUNDLE, the AWS profile's `ca_bundle` or REQUESTS_CA_BUNDLE."""
    if session.get_config_variable("ca_bundle") is not None or "REQUESTS_CA_BUNDLE" in os.environ:
        return None
    return os.environ.get("SSL_CERT_FILE") or None
