"""Of the AWS settings, what botocore doesn't read by itself."""

from __future__ import annotations

import os

from aiobotocore.session import AioSession


def region_of(session: AioSession) -> str | None:
    """Where the bucket is: AWS_REGION, as all other AWS SDKs have it, then what botocore knows. Empty is not set."""
    named = os.environ.get("AWS_REGION") or session.get_config_variable("region")
    found: str | None = named or session.get_scoped_config().get("region")
    return found or None


def authority_of(session: AioSession) -> str | None:
    """The file of SSL_CERT_FILE, where no setting of botocore's names a CA; None leaves it to botocore."""
    if session.get_config_variable("ca_bundle") is not None or "REQUESTS_CA_BUNDLE" in os.environ:
        return None
    return os.environ.get("SSL_CERT_FILE") or None
