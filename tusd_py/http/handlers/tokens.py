"""POST /tokens: upload tokens for programs that have an API key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import hdrs, web

from tusd_py.auth.terms import LONGEST_TTL, NAMES, TTL, WATCH_TTL, Terms, parse_terms
from tusd_py.config.units import parse_duration
from tusd_py.domain.access_refusals import InsufficientScope
from tusd_py.domain.allowed import has_type
from tusd_py.domain.principal import TOKENS as MAKES_TOKENS
from tusd_py.domain.principal import WATCH, Allowance, Principal
from tusd_py.domain.refusals import Forbidden, Malformed, MethodNotAllowed, Refusal, UploadNotFound
from tusd_py.domain.rights import authenticated
from tusd_py.http.connection.early_close import answer_early
from tusd_py.http.context import CALLER, Context
from tusd_py.http.endpoint import request_id
from tusd_py.http.handlers.direct import read_json_body, respond, with_memory
from tusd_py.http.pipeline import Route
from tusd_py.protocol import companion
from tusd_py.protocol.headers import encode_metadata, parse_metadata
from tusd_py.serving.dates import format_timestamp

_LONGEST = 16 * 1024
"""The most bytes of the request's body."""


async def _issue(request: web.Request, context: Context) -> web.StreamResponse:
    issuer = context.token_issuer
    if issuer is None:
        raise UploadNotFound
    if request.method != hdrs.METH_POST:
        raise MethodNotAllowed((hdrs.METH_POST,))
    principal = _key_holder(request)
    terms, ttl = _read(companion.read_json(await read_json_body(request, context, _LONGEST)), principal, context)
    endpoint = context.endpoint(request)
    try:
        text, token = issuer.issue(terms, endpoint, ttl)
    except ValueError as error:
        raise Malformed(str(error)) from None
    body = {"token": text, "jti": token.jti, "expires": format_timestamp(token.expires_at), "endpoint": endpoint}
    return respond(201, json.dumps(body), "application/json")


def _key_holder(request: web.Request) -> Principal:
    """Return the principal of the request's API key, which has the scope `tokens`. Raises Unauthenticated without a
    credential, the refusal of one that isn't good (`Caller.denial`), InsufficientScope if the credential lacks the
    scope: only API keys can have it."""
    principal = authenticated(request[CALLER])
    if MAKES_TOKENS not in principal.scopes:
        raise InsufficientScope("tokens are made with an API key that has the scope tokens")
    return principal


def _read(members: companion.Json, principal: Principal, context: Context) -> tuple[Terms, float]:
    """Return the terms of the token and its lifetime in seconds, from the members of the request. Raises Malformed,
    Forbidden if the API key doesn't allow them."""
    if unknown := sorted(members.keys() - NAMES - {"ttl"}):
        raise Malformed(f"unknown members: {len(unknown)}; known are {', '.join(sorted(NAMES))} and ttl")
    try:
        terms = parse_terms({"sub": principal.subject, **members})
    except ValueError as error:
        raise Malformed(str(error)) from None
    metadata = {key: value.encode() for key, value in terms.metadata.items()}
    parse_metadata(encode_metadata(metadata), context.engine.limits)
    return _within(terms, principal.allowance), _ttl(members)


def _ttl(members: Mapping[str, Any]) -> float:
    value = members.get("ttl", WATCH_TTL if members.get("scope") == WATCH else TTL)
    try:
        seconds = parse_duration(value if isinstance(value, str | int | float) else "")
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_TTL:
        raise Malformed("ttl must be seconds or a duration such as 15m, above 0 and at most 7d")
    return seconds


def _within(terms: Terms, allowance: Allowance) -> Terms:
    """Return the terms with the API key's limits (length, types) where the terms set none, and with the prefix that the
    API key sets for objects' keys. Raises Forbidden if the terms allow more than the API key does."""
    largest, types = allowance.max_length, allowance.types
    if largest is not None and terms.max_length is not None and terms.max_length > largest:
        raise Forbidden(f"the API key allows max up to {largest}")
    if types and not all(has_type(kind, types) for kind in terms.types):
        raise Forbidden(f"the API key allows these types: {', '.join(types)}")
    return replace(
        terms,
        max_length=largest if terms.max_length is None else terms.max_length,
        types=terms.types or types,
        key_prefix=allowance.key_prefix,
    )


async def _refuse(request: web.Request, _: Context, refusal: Refusal) -> web.StreamResponse:
    text = json.dumps(companion.refused(refusal, request_id(request)))
    return await answer_early(request, respond(companion.status(refusal), text, "application/json", refusal=refusal))


TOKENS = Route(with_memory(_issue), _refuse)
