"""Advice for operators that follows the code of an S3 error in logs and in the output of `tusd-py check`."""

from __future__ import annotations

import re

_REGION = re.compile("[a-z0-9-]{1,40}")
_ELSEWHERE = frozenset({"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "301"})
_HEAD_REFUSED = "400"
"""S3's answer to a HEAD signed for another region; it has no body, so no code (botocore, `S3RegionRedirectorv2`)."""
_CERTIFICATE = "the certificate can't be verified: if its CA is a private one, name that in AWS_CA_BUNDLE"
_PROXY = "the proxy of HTTPS_PROXY or HTTP_PROXY doesn't pass it on: mend it, or name the endpoint's host in NO_PROXY"
_BY_CODE = {
    "ClientConnectorCertificateError": _CERTIFICATE,
    "SSLError": _CERTIFICATE,
    "ClientProxyConnectionError": _PROXY,
    "ClientHttpProxyError": _PROXY,
    "ProxyConnectionError": _PROXY,
    "RequestTimeTooSkewed": "set this machine's clock",
}


def advice(code: str, region: str | None) -> str:
    """Return advice on an error code, to append to a message: a semicolon and a text; empty if there is none.

    `region` is the bucket's, if S3 named it in its answer.
    """
    elsewhere = code in _ELSEWHERE or (code == _HEAD_REFUSED and region)
    text = _elsewhere(region) if elsewhere else _BY_CODE.get(code)
    return f"; {text}" if text else ""


def _elsewhere(region: str | None) -> str:
    place = region if region and _REGION.fullmatch(region) else "its region"
    return (
        f"the bucket is elsewhere: set AWS_REGION to {place}, and s3-endpoint-url, if it is set, to an endpoint there"
    )
