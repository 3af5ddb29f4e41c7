"""Who asks for what, as log lines tell it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web

from tusd_py.domain.refusals import Malformed
from tusd_py.http.context import MEANT
from tusd_py.http.endpoint import request_id
from tusd_py.http.forwarded import Trust
from tusd_py.telemetry.metrics import known_method

_ADDRESS = re.compile(r"[0-9A-Za-z._:%-]{1,64}")
"""What names a client in Forwarded or X-Forwarded-For (RFC 7239, 6); a blank would make it two fields of a line."""


def about(request: web.BaseRequest, trust: Trust) -> Mapping[str, str]:
    """The method that is meant, the client's address as judged, and what a proxy or a client calls the request."""
    told = {
        "method": known_method(request.get(MEANT, request.method)),
        "address": _address(request, trust),
        "request_id": request_id(request) or "",
    }
    return {name: value for name, value in told.items() if value}


def _address(request: web.BaseRequest, trust: Trust) -> str:
    """The peer's where a proxy's word is none."""
    try:
        told = trust.client(request)
    except Malformed:
        told = ""
    return told if _ADDRESS.fullmatch(told) else request.remote or ""
