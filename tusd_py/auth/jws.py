"""JSON Web Signatures, read with PyJWT. For its many errors on malformed text of a client, `read_header` returns None,
and `verified_claims` raises Unauthenticated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jwt

from tusd_py.domain.access_refusals import Unauthenticated

if TYPE_CHECKING:
    from jwt.types import Options

UPLOAD_TOKEN = "tusd-upload+jwt"  # noqa: S105 (a type, not a secret)
"""The `typ` in the header of upload tokens: it keeps them and other JWTs from being taken for each other (RFC 8725,
3.11)."""
_WRONG = (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""The errors that a malformed token can cause in PyJWT and in the libraries below it."""


class WrongSignature(Exception):
    """The token wasn't signed with the key."""


def read_header(token: str) -> Mapping[str, Any] | None:
    """Return the unverified header of a JWT in three parts; None for other text."""
    if token.count(".") != 2:  # noqa: PLR2004 (header, payload, signature: RFC 7515, 7.1)
        return None
    try:
        return jwt.get_unverified_header(token)
    except _WRONG:
        return None


def is_upload_token(header: Mapping[str, Any]) -> bool:
    """Return True if the header says that the token is an upload token."""
    return str(header.get("typ")).lower() == UPLOAD_TOKEN


def verified_claims(token: str, key: Any, algorithm: str, options: Options, **rules: Any) -> Mapping[str, Any]:
    """Return the claims of a token that was signed with `key`; `rules` and `options` are those of `jwt.decode`.

    Raises WrongSignature if the signature doesn't fit `key` and the token's text, and Unauthenticated if anything else
    is wrong.
    """
    try:
        return jwt.decode(token, key, algorithms=[algorithm], options=options, **rules)
    except jwt.InvalidSignatureError:
        raise WrongSignature from None
    except _WRONG:
        raise Unauthenticated(invalid=True) from None
