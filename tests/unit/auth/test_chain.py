"""Several authenticators in a chain: their order, and credentials that none of them knows."""

from __future__ import annotations

import hashlib
import time

import jwt
import pytest

from tests.support.credentials import AUDIENCE, ENDPOINT, SECRET, bearing, good, passed_on, request
from tusd_py.auth.api_keys import ApiKey, ApiKeys
from tusd_py.auth.chain import Chain
from tusd_py.auth.jwt import JwtAuthenticator, JwtRules
from tusd_py.auth.proxy import ProxyUsers
from tusd_py.auth.terms import Terms
from tusd_py.auth.tokens import TokenIssuer, UploadTokens
from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.caller import Caller
from tusd_py.ports.authenticator import Authenticator

DIGEST = hashlib.sha256(b"key").digest()
JWTS = JwtAuthenticator(JwtRules(audience=(AUDIENCE,)), secret=SECRET)
TOKENS, USERS = UploadTokens(SECRET), ProxyUsers("X-User")


def keys() -> ApiKeys:
    return ApiKeys(lambda: "", lambda _: [ApiKey(name="backend", digest=DIGEST)])


def upload_token() -> str:
    return TokenIssuer(SECRET, time.time).issue(Terms(subject="bearer"), ENDPOINT, 60)[0]


async def subject(caller: Caller, *makers: Authenticator) -> str | None:
    principal = await Chain(makers).identify(caller)
    return None if principal is None else principal.subject


async def test_the_maker_that_knows_the_credential_decides() -> None:
    token, upload, key = jwt.encode(good(sub="alice"), SECRET, "HS256"), upload_token(), "key"
    for makers in ((TOKENS, JWTS, keys(), USERS), (USERS, keys(), JWTS, TOKENS)):
        assert await subject(bearing(token), *makers) == "alice"
        assert await subject(bearing(upload), *makers) == "bearer"
        assert await subject(bearing(key), *makers) == "backend"
        assert await subject(passed_on(X_User="bob"), *makers) == "bob"


async def test_the_first_in_order_wins() -> None:
    both = passed_on(X_User="bob", X_Api_Key="key")
    assert await subject(both, keys(), USERS) == "backend"
    assert await subject(both, USERS, keys()) == "bob"


async def test_a_bad_credential_of_a_known_kind_is_not_tried_further() -> None:
    bad = jwt.encode(good(aud="else"), SECRET, "HS256")
    with pytest.raises(Unauthenticated):
        await subject(passed_on(X_User="bob", Authorization=f"Bearer {bad}"), JWTS, USERS)


@pytest.mark.parametrize("place", ["Authorization", "X_Api_Key", "Upload_Token", "query"])
@pytest.mark.parametrize("text", ["no-dots", "a.b.c", "a.b", "\u00fc", "x" * 100_000])
async def test_a_credential_that_nobody_knows_is_refused(place: str, text: str) -> None:
    bearer = {"Authorization": f"Bearer {text}"} if place == "Authorization" else {place: text}
    caller = request(target=f"/files/?token={text}") if place == "query" else request("POST", "/files/", **bearer)
    with pytest.raises(Unauthenticated) as raised:
        await subject(caller, TOKENS, JWTS, keys(), USERS)
    assert raised.value.challenge == 'Bearer error="invalid_token"'


async def test_tokens_are_not_taken_for_each_other() -> None:
    """RFC 8725, 3.12: a user's JWT is refused as an upload token, and the reverse, even with one secret for both."""
    with pytest.raises(Unauthenticated):
        await subject(bearing(upload_token()), JWTS)
    with pytest.raises(Unauthenticated):
        await subject(bearing(jwt.encode(good(aud=ENDPOINT, jti="1", scope="create"), SECRET, "HS256")), TOKENS)


async def test_without_a_credential_there_is_no_principal() -> None:
    for caller in (request(), request(Authorization="Basic YTpi"), request(Cookie="a=b"), request(target="/?token")):
        assert await subject(caller, TOKENS, JWTS, keys(), USERS) is None


async def test_all_makers_are_closed() -> None:
    await Chain((TOKENS, JWTS, keys(), USERS)).aclose()
