"""Upload tokens: what makes one valid, for one endpoint alone, and what it allows."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from tests.support.credentials import ENDPOINT, SECRET, bearing, request
from tusd_py.auth.terms import SCOPES, Terms, parse_terms
from tusd_py.auth.tokens import TokenIssuer, UploadToken, UploadTokens, sign, verify
from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Allowance, Grant, Principal

TYPE = {"typ": "tusd-upload+jwt"}
FULL = Terms(
    subject="alice",
    max_length=5,
    types=("image/*", "text/plain"),
    metadata={"filename": "ü.txt", "empty": ""},
    name="team/ü".replace("ü", "u"),
    key_prefix="team/",
    uses=3,
)


def claims(**changes: Any) -> dict[str, Any]:
    """Returns the required claims, with changes; None leaves a claim out."""
    required = {"jti": "1", "aud": ENDPOINT, "exp": int(time.time()) + 60, "scope": "create", **changes}
    return {name: value for name, value in required.items() if value is not None}


def issue(secret: str = SECRET, headers: dict[str, Any] = TYPE, **changes: Any) -> str:
    return jwt.encode(claims(**changes), secret, "HS256", headers=headers)


async def identified(caller: Caller) -> Principal | None:
    return await UploadTokens(SECRET).identify(caller)


async def test_any_library_can_make_one() -> None:
    expires_at = int(time.time()) + 60
    principal = await identified(bearing(issue(exp=expires_at)))
    grant = Grant(jti="1", max_uses=1, expires_at=expires_at)
    assert principal == Principal(subject=None, scopes=frozenset({"create"}), allowance=Allowance(grant=grant))


async def test_its_terms_are_what_it_allows() -> None:
    text, token = TokenIssuer(SECRET, time.time).issue(FULL, ENDPOINT, 60)
    principal = await identified(bearing(text))
    assert principal is not None
    assert principal.subject == "alice"
    assert principal.scopes == {"create"}
    assert principal.allowance == Allowance(
        max_length=5,
        types=("image/*", "text/plain"),
        metadata={"filename": "ü.txt".encode(), "empty": b""},
        name="team/u",
        key_prefix="team/",
        grant=Grant(jti=token.jti, max_uses=3, expires_at=token.expires_at),
    )


@pytest.mark.parametrize("scope", SCOPES)
async def test_its_scope_is_the_only_one(scope: str) -> None:
    principal = await identified(bearing(issue(scope=scope)))
    assert principal is not None
    assert principal.scopes == {scope}


def test_an_issued_token_is_a_jwt_of_its_own_type() -> None:
    text, token = TokenIssuer(SECRET, lambda: 1_000.2).issue(Terms(), ENDPOINT, 60)
    assert jwt.get_unverified_header(text) == {"alg": "HS256", "typ": "tusd-upload+jwt"}
    content = jwt.decode(text, SECRET, ["HS256"], audience=ENDPOINT, options={"verify_exp": False})
    assert content == {"jti": token.jti, "aud": ENDPOINT, "exp": 1_061, "scope": "create", "n": 1}
    assert len(token.jti) == 32


def test_each_issued_token_has_an_id_of_its_own() -> None:
    issuer = TokenIssuer(SECRET, time.time)
    assert len({issuer.issue(Terms(), ENDPOINT, 60)[1].jti for _ in range(100)}) == 100


def test_what_is_signed_is_what_is_verified() -> None:
    token = UploadToken(jti="j", audience=ENDPOINT, expires_at=int(time.time()) + 60, terms=FULL)
    assert verify(sign(token, SECRET), SECRET, ENDPOINT) == token


def test_a_token_too_long_for_a_header_is_not_made() -> None:
    with pytest.raises(ValueError, match="16384"):
        TokenIssuer(SECRET, time.time).issue(Terms(metadata={"a": "x" * 16_384}), ENDPOINT, 60)


@pytest.mark.parametrize("audience", [ENDPOINT, ENDPOINT.rstrip("/"), ["https://other.example/", ENDPOINT]])
async def test_its_audience_is_the_endpoint_with_or_without_the_slash(audience: Any) -> None:
    assert await identified(bearing(issue(aud=audience))) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "t" * 32},
        {"aud": "https://up.example/other/"},
        {"aud": "http://up.example/files/"},
        {"aud": None},
        {"aud": ""},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("nan")},
        {"jti": None},
        {"jti": ""},
        {"jti": 5},
        {"jti": "a" * 256},
        {"jti": "a\0b"},
        {"scope": None},
        {"scope": "admin"},
        {"scope": ["create"]},
        {"nbf": 2**33},
        {"max": -1},
        {"max": "5"},
        {"max": 2**63},
        {"max": True},
        {"types": "image/*"},
        {"types": ["image"]},
        {"types": [5]},
        {"meta": []},
        {"meta": {"a b": "c"}},
        {"meta": {"a": 5}},
        {"meta": {"a": "\ud800"}},
        {"key": "../a"},
        {"key": 5},
        {"key": "a" * 223, "n": 2},
        {"n": 0},
        {"n": 1.5},
        {"sub": ""},
        {"sub": 5},
        {"sub": "a\nb"},
    ],
    ids=str,
)
async def test_what_is_not_in_order_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated) as raised:
        await identified(bearing(issue(**changes)))
    assert raised.value.challenge == 'Bearer error="invalid_token"'


async def test_other_algorithms_are_refused() -> None:
    for token in (
        jwt.encode(claims(), SECRET * 2, "HS512", headers=TYPE),
        jwt.encode(claims(), "", "none", headers=TYPE),
    ):
        with pytest.raises(Unauthenticated):
            await UploadTokens(SECRET * 2).identify(bearing(token))


async def test_tokens_of_another_type_are_left_to_others() -> None:
    for headers in ({}, {"typ": "JWT"}, {"typ": "at+jwt"}, {"typ": None}):
        assert await identified(bearing(issue(headers=headers))) is None
    for caller in (request(), bearing("abc"), bearing("a.b.c"), request(X_Api_Key=issue())):
        assert await identified(caller) is None


async def test_it_comes_in_three_places() -> None:
    token = issue()
    places = [bearing(token), request(Upload_Token=token), request(target=f"/files/?a=b&token={token}")]
    for caller in places:
        assert await identified(caller) is not None


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "GET", "DELETE"])
async def test_the_query_counts_for_creations_alone(method: str) -> None:
    assert await identified(request(method, f"/files/{'0' * 32}?token={issue()}")) is None


async def test_a_login_of_a_proxy_leaves_room_for_it() -> None:
    assert await identified(request(Authorization="Basic YTpi", Upload_Token=issue())) is not None


async def test_an_expired_token_says_whose_it_was() -> None:
    with pytest.raises(Unauthenticated) as raised:
        await identified(bearing(issue(exp=int(time.time()) - 3600, sub="alice")))
    assert raised.value.expired is not None
    assert raised.value.expired.subject == "alice"
    assert raised.value.expired.scopes == {"create"}
    for wrong in (float("nan"), float("inf"), "soon"):
        with pytest.raises(Unauthenticated) as raised:
            await identified(bearing(issue(exp=wrong)))
        assert raised.value.expired is None


async def test_without_an_endpoint_no_token_is_good() -> None:
    for audience in ("", ENDPOINT):
        with pytest.raises(Unauthenticated):
            await identified(Caller(method="POST", headers={"Authorization": f"Bearer {issue(aud=audience)}"}))


def test_terms_are_written_and_read_as_the_same() -> None:
    assert parse_terms(FULL.claims()) == FULL
    assert parse_terms({}) == Terms()
    for members in ({"key": "a" * 222, "n": 2}, {"key": "a" * 255, "n": 1}, {"key": "a" * 255}):
        assert parse_terms(members).name == members["key"]
    assert parse_terms({"types": ["IMAGE/PNG"], "other": 5}) == Terms(types=("image/png",))
