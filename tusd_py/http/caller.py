"""The caller of a request, for the engine and for log lines."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web

from tusd_py.domain.caller import Caller
from tusd_py.domain.refusals import Malformed
from tusd_py.http.context import CALLER, MEANT
from tusd_py.http.endpoint import request_id
from tusd_py.http.forwarded import Trust
from tusd_py.telemetry.metrics import known_method

_ADDRESS = re.compile(r"[0-9A-Za-z._:%-]{1,64}")
"""What names a client in Forwarded or X-Forwarded-For (RFC 7239, 6); a blank would make it two fields of a line."""


def about(request: web.BaseRequest, trust: Trust) -> Mapping[str, str]:
    """The fields that log lines have of a request, none of them empty."""
    caller = request.get(CALLER) or caller_of(request, trust)
    told = {
        "method": known_method(request.get(MEANT, request.method)),
        "address": caller.address,
        "request_id": caller.request_id or "",
    }
    return {name: value for name, value in told.items() if value}


def caller_of(request: web.BaseRequest, trust: Trust) -> Caller:
    """The client behind the request."""
    return Caller(
        address=_address(request, trust),
        method=request.get(MEANT, request.method),
        target=request.raw_path,
        headers=request.headers,
        request_id=request_id(request),
    )


def _address(request: web.BaseRequest, trust: Trust) -> str:
    """The peer's where a proxy's word is none."""
    try:
        told = trust.client(request)
    except Malformed:
        told = ""
    return told if _ADDRESS.fullmatch(told) else request.remote or ""
