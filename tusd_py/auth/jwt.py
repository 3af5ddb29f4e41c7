"""JSON Web Tokens of an identity provider (RFC 7519), checked as RFC 8725 advises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tusd_py.auth import credentials, jws
from tusd_py.auth.jwks import ASYMMETRIC, Jwks
from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Principal

_SYMMETRIC = "HS256"


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtRules:
    """The rules for a token's claims, and the names of the claims that are read."""

    audience: Sequence[str]
    """The audiences of which a token must name one (aud)."""
    issuer: str | None = None
    """The issuer that a token must name (iss); None for any."""
    leeway: float = 0.0
    """Seconds by which the clocks of issuer and server may differ."""
    owner_claim: str = "sub"
    tenant_claim: str | None = None


class JwtAuthenticator:
    """An authenticator of bearer tokens signed with a key of `keys`, or with `secret` (HS256)."""

    def __init__(self, rules: JwtRules, *, secret: str | None = None, keys: Jwks | None = None) -> None:
        self._rules, self._secret, self._keys = rules, secret, keys

    async def identify(self, caller: Caller) -> Principal | None:
        """Return the principal with the owner, and the tenant if there is one, that the bearer token names; None if the
        bearer token is missing, no JWT, or an upload token.

        Raises Unauthenticated if no key fits the token, or a claim is missing or wrong; AuthUnavailable like
        `Jwks.find`.
        """
        token = credentials.bearer(caller)
        header = jws.read_header(token) if token else None
        if token is None or header is None or jws.is_upload_token(header):
            return None
        algorithm, kid = header.get("alg"), header.get("kid")
        for key in await self._candidates(algorithm, kid):
            try:
                return self._principal(self._claims(token, key, str(algorithm)))
            except jws.WrongSignature:
                continue
        raise Unauthenticated(invalid=True)

    async def aclose(self) -> None:
        if self._keys is not None:
            await self._keys.aclose()

    async def _candidates(self, algorithm: Any, kid: Any) -> Sequence[Any]:
        """Return the keys that may have signed a token with these values in its header; none for an algorithm that
        isn't supported, or whose secret or key set isn't configured. A public key is never taken for an HMAC's
        secret.

        Raises AuthUnavailable like `Jwks.find`.
        """
        if algorithm == _SYMMETRIC and self._secret is not None:
            return [self._secret]
        if self._keys is None or not isinstance(algorithm, str) or algorithm not in ASYMMETRIC:
            return []
        return await self._keys.find(algorithm, kid if isinstance(kid, str) else None)

    def _claims(self, token: str, key: Any, algorithm: str) -> Mapping[str, Any]:
        rules = self._rules
        required = ["exp", "aud", *([] if rules.issuer is None else ["iss"])]
        return jws.verified_claims(
            token,
            key,
            algorithm,
            {"require": required},
            audience=rules.audience,
            issuer=rules.issuer,
            leeway=rules.leeway,
        )

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        tenant = None if self._rules.tenant_claim is None else claims.get(self._rules.tenant_claim)
        return Principal(
            subject=credentials.parse_identifier(claims.get(self._rules.owner_claim)),
            tenant=None if tenant is None else credentials.parse_identifier(tenant),
        )
