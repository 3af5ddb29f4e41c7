"""The caller of a request, for the engine and for log lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from aiohttp import web

from tusd_py.domain.caller import Caller
from tusd_py.domain.refusals import Malformed
from tusd_py.http.context import CALLER, EFFECTIVE_METHOD, SPAN, Context
from tusd_py.http.endpoint import creation_url, request_id, target_of
from tusd_py.http.forwarded import Trust
from tusd_py.telemetry.metrics import known_method

_ADDRESS = re.compile(r"[0-9A-Za-z._:%-]{1,64}")
"""The pattern of a client's address, or of another name that a proxy gives the client in Forwarded or X-Forwarded-For
(RFC 7239, 6), that is safe in logs: with a blank, it would look like two fields of a log line."""


def log_fields(request: web.BaseRequest, trust: Trust) -> Mapping[str, str]:
    """Return the fields for log lines about a request: method, address, request_id, owner, trace_id and span_id; a
    field without a value is left out."""
    caller = request.get(CALLER) or caller_of(request, trust)
    trace = caller.trace
    fields = {
        "method": known_method(request.get(EFFECTIVE_METHOD, request.method)),
        "address": caller.address,
        "request_id": caller.request_id or "",
        "owner": caller.subject or "",
        "trace_id": "" if trace is None else trace.id,
        "span_id": "" if caller.span is None else caller.span.span_id,
    }
    return {name: value for name, value in fields.items() if value}


def caller_of(request: web.BaseRequest, trust: Trust, disclosed: Mapping[str, Any] = MappingProxyType({})) -> Caller:
    """Return the client behind the request, not yet authenticated. `disclosed` has further fields of `Caller`, from
    `Disclosure.read`."""
    return Caller(
        address=_address(request, trust),
        method=request.get(EFFECTIVE_METHOD, request.method),
        target=target_of(request),
        headers=request.headers,
        request_id=request_id(request),
        span=request.get(SPAN),
        **disclosed,
    )


def checked_caller(request: web.Request, context: Context) -> Caller:
    """Return the caller of the request with two more fields set, which checks of its credential need: `endpoint` (empty
    if the settings give no public URL, and none can be made from the request) and `proxied`."""
    caller = request[CALLER]
    endpoint = caller.endpoint or creation_url(request, public=context.public_endpoint, trust=context.trust)
    return replace(caller, endpoint=endpoint, proxied=context.trust.is_proxied(request))


def _address(request: web.BaseRequest, trust: Trust) -> str:
    """Return the client's address: the one that the nearest proxy reports, if that proxy is trusted and the address is
    well-formed and safe in logs; else the peer's, empty if that isn't known."""
    try:
        address = trust.client(request)
    except Malformed:
        address = ""
    return address if _ADDRESS.fullmatch(address) else request.remote or ""
