"""Callers of a server that takes JSON Web Tokens, signed with a secret that both know."""

from __future__ import annotations

from collections.abc import Mapping

import jwt

from tests.support.credentials import AUDIENCE, SECRET, good

Fields = Mapping[str, str]

JWT: Mapping[str, object] = {"auth": "jwt", "auth_audience": AUDIENCE, "auth_jwt_secret": SECRET}
"""The settings of the server."""


def bearing(subject: str, **claims: object) -> Fields:
    """The field with a JSON Web Token of the subject."""
    return {"Authorization": f"Bearer {jwt.encode(good(sub=subject, **claims), SECRET, 'HS256')}"}
