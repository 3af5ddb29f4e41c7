"""Upload tokens: signed permissions to create, watch or read uploads. No store knows a token before it is used."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jwt

from tusd_py.auth import credentials, jws
from tusd_py.auth.terms import Terms, parse_terms
from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Allowance, Grant, Principal

_ALGORITHM = "HS256"
_LAST = 253_402_300_799
"""The latest time of expiry, in seconds since the epoch, that `verify` returns: the last second of the year 9999. A
later one in a token is lowered to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadToken:
    """The claims of an upload token."""

    jti: str
    audience: str
    """The URL of the creation endpoint that the token is for."""
    expires_at: int
    """The time of expiry, in seconds since the epoch. Uploads that were created before it can be continued after it."""
    terms: Terms = field(default_factory=Terms)


def sign(token: UploadToken, secret: str) -> str:
    """Return the token as text: a JWT (HS256) of the type `tusd-upload+jwt`. Raises ValueError if it would be longer
    than `credentials.LONGEST`.
    """
    claims = {"jti": token.jti, "aud": token.audience, "exp": token.expires_at, **token.terms.claims()}
    text = jwt.encode(claims, secret, algorithm=_ALGORITHM, headers={"typ": jws.UPLOAD_TOKEN})
    if len(text) > credentials.LONGEST:
        raise ValueError(f"the token would be longer than {credentials.LONGEST} characters: shorten meta and types")
    return text


def verify(text: str, secret: str, audience: str, *, expires: bool = True) -> UploadToken:
    """Return the claims of the token `text`.

    Raises Unauthenticated if the token is malformed, lacks a claim that upload tokens need, has a wrong one, wasn't
    signed with `secret`, is for an audience other than `audience` (whose slash at the end the token may lack), isn't
    valid yet (`nbf`, `iat`), or, with `expires`, has expired.
    """
    try:
        claims = jws.verified_claims(
            text,
            secret,
            _ALGORITHM,
            {"require": ["exp", "jti", "scope", "aud"], "verify_exp": expires},
            audience=[audience, audience.rstrip("/")],
        )
        return UploadToken(
            jti=credentials.parse_identifier(claims["jti"]),
            audience=audience,
            expires_at=min(int(claims["exp"]), _LAST),
            terms=parse_terms(claims),
        )
    except (jws.WrongSignature, ValueError, TypeError, OverflowError):
        raise Unauthenticated(invalid=True) from None


class TokenIssuer:
    """An issuer of tokens signed with `secret`; `clock` tells seconds since the epoch."""

    def __init__(self, secret: str, clock: Callable[[], float]) -> None:
        self._secret, self._clock = secret, clock

    def issue(self, terms: Terms, audience: str, ttl: float) -> tuple[str, UploadToken]:
        """Return a new token for the creation endpoint `audience`, as text and as claims; it gives what `terms` say,
        and expires after `ttl` seconds.

        Raises ValueError if the text would be longer than `credentials.LONGEST`.
        """
        expires_at = math.ceil(self._clock() + ttl)
        token = UploadToken(jti=secrets.token_hex(16), audience=audience, expires_at=expires_at, terms=terms)
        return sign(token, self._secret), token


class UploadTokens:
    """An authenticator of upload tokens signed with `secret`."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    async def identify(self, caller: Caller) -> Principal | None:
        """Return the principal of the request's upload token; None for a request without one. Raises
        Unauthenticated if the token isn't good; the error's `expired` is the token's principal if the token has only
        expired.
        """
        for text in credentials.upload_tokens(caller):
            header = jws.read_header(text)
            if header is not None and jws.is_upload_token(header):
                return self._identified(text, caller.endpoint)
        return None

    def _identified(self, text: str, audience: str) -> Principal:
        try:
            return _principal(verify(text, self._secret, audience))
        except Unauthenticated:
            expired = verify(text, self._secret, audience, expires=False)
            raise Unauthenticated(invalid=True, expired=_principal(expired)) from None

    async def aclose(self) -> None:
        """Return at once: there is no connection."""


def _principal(token: UploadToken) -> Principal:
    terms = token.terms
    allowance = Allowance(
        max_length=terms.max_length,
        types=terms.types,
        metadata=_encoded(terms.metadata),
        name=terms.name,
        key_prefix=terms.key_prefix,
        grant=Grant(jti=token.jti, max_uses=terms.uses, expires_at=token.expires_at),
    )
    return Principal(subject=terms.subject, scopes=frozenset({terms.scope}), allowance=allowance)


def _encoded(metadata: Mapping[str, str]) -> Mapping[str, bytes]:
    return {key: value.encode() for key, value in metadata.items()}
