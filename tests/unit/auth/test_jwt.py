"""JSON Web Tokens: what is demanded of one, and what doesn't pass for one."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest

from tests.support.credentials import SECRET, SigningKey, Troubles, bearing, good, key_set, request, scripted, session
from tests.support.credentials import signing_key as new_key
from tusd_py.auth.jwks import Jwks
from tusd_py.auth.jwt import JwtAuthenticator, JwtRules
from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Principal

RULES = JwtRules(audience=("uploads", "other"), leeway=30)
ALGORITHMS = ("RS256", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA")


async def identified(
    caller: Caller, *keys: SigningKey, rules: JwtRules = RULES, secret: str | None = None
) -> Principal | None:
    """Return the principal that an authenticator with these keys and this secret identifies; None if the caller has an
    upload token, or has no readable JWT. Raises Unauthenticated for a JWT that is refused."""
    async with scripted(key_set(*keys)) as server:
        key_sets = Jwks(server.url, session(), Troubles(), age=300, refresh_pause=30) if keys else None
        authenticator = JwtAuthenticator(rules, secret=secret, keys=key_sets)
        try:
            return await authenticator.identify(caller)
        finally:
            await authenticator.aclose()


async def refused(caller: Caller, *keys: SigningKey, **options: Any) -> None:
    with pytest.raises(Unauthenticated) as raised:
        await identified(caller, *keys, **options)
    assert raised.value.challenge == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_token_of_each_asymmetric_algorithm_names_its_owner(algorithm: str) -> None:
    key = new_key(algorithm)
    assert await identified(bearing(key.token()), new_key(), key) == Principal(subject="alice")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_token_without_kid_tries_each_key(algorithm: str) -> None:
    key = new_key(algorithm, kid=None)
    assert await identified(bearing(key.token()), new_key(algorithm), key) == Principal(subject="alice")
    await refused(bearing(key.token()), new_key(algorithm))


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256", "ES384", "EdDSA"])
async def test_a_key_that_names_no_algorithm_serves_those_of_its_type(algorithm: str) -> None:
    key = new_key(algorithm, alg=None)
    assert await identified(bearing(key.token()), key) == Principal(subject="alice")


async def test_a_key_that_names_an_algorithm_serves_no_other() -> None:
    key = new_key("RS256")
    token = jwt.encode(good(), key.private, "RS512", headers={"kid": key.entry["kid"]})
    await refused(bearing(token), key)


async def test_a_secret_serves_hs256_alone() -> None:
    caller = bearing(jwt.encode(good(), SECRET, "HS256"))
    assert await identified(caller, secret=SECRET) == Principal(subject="alice")
    assert await identified(caller, new_key(), secret=SECRET) == Principal(subject="alice")
    await refused(caller, new_key())
    await refused(bearing(jwt.encode(good(), SECRET * 2, "HS512")), secret=SECRET * 2)
    await refused(bearing(jwt.encode(good(), "t" * 32, "HS256")), secret=SECRET)


async def test_a_public_key_is_no_secret() -> None:
    """A token that is signed with HS256, with the public key as the secret, is refused (an attack in RFC 8725, 2.1)."""
    key = new_key("RS256")
    signer = jwt.PyJWS(algorithms=["HS256"])
    signer._algorithms["HS256"] = Forger()
    for kid in ({"kid": key.entry["kid"]}, {}):
        token = signer.encode(json.dumps(good()).encode(), key.pem, "HS256", headers=kid)
        await refused(bearing(token), key)


class Forger(jwt.algorithms.HMACAlgorithm):
    """HMAC that takes any text as its secret, also a public key, which PyJWT refuses."""

    def __init__(self) -> None:
        super().__init__(jwt.algorithms.HMACAlgorithm.SHA256)

    def prepare_key(self, key: str | bytes) -> bytes:
        return key.encode() if isinstance(key, str) else key


@pytest.mark.parametrize("kid", [None, "of the set"])
async def test_a_token_without_a_signature_is_refused(kid: str | None) -> None:
    key = new_key()
    headers = {} if kid is None else {"kid": key.entry["kid"]}
    await refused(bearing(jwt.encode(good(), "", "none", headers=headers)), key, secret=SECRET)


async def test_a_symmetric_key_in_the_set_is_passed_over() -> None:
    """A token that is signed with a symmetric key in the set is refused: any reader of the set could sign with that
    key."""
    members = {"kty": "oct", "kid": "x", "alg": "HS256", "k": base64.urlsafe_b64encode(SECRET.encode()).decode()}
    token = jwt.encode(good(), SECRET, "HS256", headers={"kid": "x"})
    await refused(bearing(token), SigningKey("HS256", None, members), new_key())


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"aud": None},
        {"aud": "elsewhere"},
        {"aud": ["elsewhere"]},
        {"aud": 5},
        {"nbf": 2**33},
        {"iat": 2**33},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\nb"},
        {"sub": "a" * 256},
        {"sub": 5},
        {"sub": ["alice"]},
    ],
)
async def test_claims_that_are_not_in_order_are_refused(changes: dict[str, Any]) -> None:
    key = new_key()
    await refused(bearing(key.token(**changes)), key)


@pytest.mark.parametrize("changes", [{"aud": ["else", "other"]}, {"nbf": 0}, {"iat": 0}, {"jti": "1"}, {"iss": "any"}])
async def test_claims_that_are_in_order_are_accepted(changes: dict[str, Any]) -> None:
    key = new_key()
    assert await identified(bearing(key.token(**changes)), key) == Principal(subject="alice")


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
async def test_clocks_may_differ_by_the_leeway(claim: str) -> None:
    key, ahead = new_key(), -20 if claim == "exp" else 20
    changes: dict[str, Any] = {claim: int(time.time()) + ahead}
    token = key.token(**changes)
    assert await identified(bearing(token), key) == Principal(subject="alice")
    await refused(bearing(token), key, rules=replace(RULES, leeway=0))


async def test_an_issuer_that_is_set_is_demanded() -> None:
    key, rules = new_key(), replace(RULES, issuer="https://id.example")
    assert await identified(bearing(key.token(iss="https://id.example")), key, rules=rules) is not None
    await refused(bearing(key.token(iss="https://id.example.attacker")), key, rules=rules)
    await refused(bearing(key.token()), key, rules=rules)


async def test_owner_and_tenant_come_from_the_claims_that_are_set() -> None:
    key, rules = new_key(), replace(RULES, owner_claim="email", tenant_claim="org")
    token = key.token(email="a@b.example", org="acme")
    assert await identified(bearing(token), key, rules=rules) == Principal(subject="a@b.example", tenant="acme")
    assert await identified(bearing(key.token(email="a@b.example")), key, rules=rules) == Principal(
        subject="a@b.example"
    )
    await refused(bearing(key.token()), key, rules=rules)
    await refused(bearing(key.token(email="a@b.example", org=5)), key, rules=rules)


async def test_what_is_no_jwt_is_left_to_others() -> None:
    key = new_key()
    upload_token = key.token(headers={"typ": "tusd-upload+jwt"})
    for caller in (request(), bearing("abc"), bearing("a.b.c"), bearing(upload_token), request(X_Api_Key=key.token())):
        assert await identified(caller, key) is None


async def test_a_token_that_was_changed_is_refused() -> None:
    key = new_key()
    header, _, signature = key.token().split(".")
    payload = key.token(sub="mallory").split(".")[1]
    await refused(bearing(f"{header}.{payload}.{signature}"), key)


async def test_a_token_with_an_unknown_critical_header_is_none() -> None:
    key = new_key()
    assert await identified(bearing(key.token(headers={"crit": ["x"], "x": 1})), key) is None
