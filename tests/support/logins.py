"""Callers of servers that take JSON Web Tokens, signed with a secret that both know, or API keys."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import jwt

from tests.support.credentials import AUDIENCE, SECRET, good

Fields = Mapping[str, str]

JWT: Mapping[str, object] = {"auth": "jwt", "auth_audience": AUDIENCE, "auth_jwt_secret": SECRET}
"""The settings of the server."""


def bearing(subject: str, **claims: object) -> Fields:
    """The field with a JSON Web Token of the subject."""
    return {"Authorization": f"Bearer {jwt.encode(good(sub=subject, **claims), SECRET, 'HS256')}"}


def api_keys(directory: Path, **policies: str) -> Mapping[str, object]:
    """The settings of a server that takes API keys with these policies, by their names; each key is its name."""
    lines = [f"{name}:{sha256(name.encode()).hexdigest()}:{policy}" for name, policy in policies.items()]
    (directory / "keys").write_text("\n".join(line.rstrip(":") for line in lines))
    return {"auth": "api-key", "auth_keys_file": directory / "keys"}
