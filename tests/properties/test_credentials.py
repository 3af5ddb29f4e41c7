"""No text in a request makes a check of credentials fail in another way than by a refusal."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from contextlib import suppress
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.credentials import SECRET, Troubles, bearing, key_set, request, scripted, session, signing_key
from tusd_py.auth.api_keys import ApiKey, ApiKeys
from tusd_py.auth.chain import Chain
from tusd_py.auth.jwks import ASYMMETRIC, Jwks
from tusd_py.auth.jwt import JwtAuthenticator, JwtRules
from tusd_py.auth.proxy import ProxyUsers
from tusd_py.auth.tokens import UploadTokens
from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Principal
from tusd_py.domain.refusals import Refusal

KEYS = [signing_key("RS256"), signing_key("ES256"), signing_key("EdDSA")]
RULES = JwtRules(audience=("uploads",), tenant_claim="org", issuer="me")
TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)
"""Any characters, and halves of surrogate pairs: bytes that are no UTF-8 arrive as such."""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
ALGORITHMS = st.sampled_from(["HS256", "none", "", *sorted(ASYMMETRIC)])
KIDS = st.sampled_from([key.entry["kid"] for key in KEYS])
HEADERS = st.fixed_dictionaries(
    {"alg": ALGORITHMS | VALUES},
    optional={"kid": KIDS | VALUES, "typ": st.just("tusd-upload+jwt") | VALUES, "crit": VALUES, "b64": VALUES},
)
CLAIMS = st.dictionaries(
    st.sampled_from(
        ["exp", "nbf", "iat", "aud", "iss", "sub", "jti", "org", "scope", "max", "types", "meta", "key", "n"]
    ),
    VALUES,
)


async def judged(caller: Caller) -> object:
    """Return what upload tokens, JWTs, API keys and a proxy's users, asked in this order, make of the caller: a
    principal, None if its request has no credential, or the refusal."""
    async with scripted(key_set(*KEYS)) as server:
        keys = Jwks(server.url, session(), Troubles(), age=300, refresh_pause=30)
        api_keys = ApiKeys(lambda: "", lambda _: [ApiKey(name="a", digest=b"a" * 32)])
        tokens, users = UploadTokens(SECRET), ProxyUsers("X-User")
        chain = Chain((tokens, JwtAuthenticator(RULES, secret=SECRET, keys=keys), api_keys, users))
        try:
            return await chain.identify(caller)
        except Refusal as refusal:
            return refusal
        finally:
            await chain.aclose()


def judge(caller: Caller) -> object:
    return asyncio.run(judged(caller))


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed(header: Any, claims: Any) -> str:
    """Return a token of this header and these claims, signed by HS256 with the secret of both JWTs and upload tokens,
    so that its claims are read if the header names HS256."""
    content = f"{encoded(header)}.{encoded(claims)}"
    mac = hmac.digest(SECRET.encode(), content.encode(), "sha256")
    return f"{content}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@settings(max_examples=150)
@given(
    TEXT, st.sampled_from(["Authorization", "X_Api_Key", "Upload_Token", "X_User"]), st.sampled_from(["", "Bearer "])
)
@example("." * 5_000, "Authorization", "Bearer ")
def test_any_header_is_refused_or_means_nothing(text: str, name: str, scheme: str) -> None:
    assert not isinstance(judge(request("POST", "/files/", **{name: scheme + text})), Principal)


@settings(max_examples=150)
@given(TEXT)
@example("&".join(["token=a"] * 1_000))
def test_any_query_is_refused_or_means_nothing(text: str) -> None:
    assert not isinstance(judge(request(target=f"/files/?token={text}")), Principal)


@settings(max_examples=300)
@given(HEADERS | VALUES, CLAIMS | VALUES, st.sampled_from(["POST", "PATCH"]))
@example({"alg": "HS256"}, {"aud": "uploads", "iss": "me", "sub": "a", "exp": float("inf")}, "POST")
@example({"alg": "HS256", "typ": "tusd-upload+jwt"}, {"exp": 1e400, "jti": "a"}, "PATCH")
def test_any_signed_content_is_judged(header: Any, claims: Any, method: str) -> None:
    result = judge(bearing(signed(header, claims), method))
    assert result is None or isinstance(result, Refusal | Principal)


def test_deep_content_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 5_000).decode().rstrip("=")
    good = encoded({"alg": "HS256"})
    for token in (f"{deep}.{deep}.x", f"{good}.{deep}.x"):
        with suppress(Refusal):
            assert not isinstance(judge(bearing(token)), Principal)
