"""Settings of servers that take JSON Web Tokens or API keys, and the header field of a caller with a JSON Web Token,
which is signed with a secret that server and test share."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import jwt

from tests.support.credentials import AUDIENCE, SECRET, good

Fields = Mapping[str, str]

JWT: Mapping[str, object] = {"auth": "jwt", "auth_audience": AUDIENCE, "auth_jwt_secret": SECRET}
"""The settings of a server that takes JSON Web Tokens signed with `SECRET`."""


def bearing(subject: str, **claims: object) -> Fields:
    """Return the Authorization field with a JSON Web Token of the subject, which a server with the settings `JWT`
    accepts for a minute. `claims` add claims or replace `aud` and `exp`; None leaves one out."""
    return {"Authorization": f"Bearer {jwt.encode(good(sub=subject, **claims), SECRET, 'HS256')}"}


def api_keys(directory: Path, **policies: str) -> Mapping[str, object]:
    """Write the file `keys` of API keys and return the settings of a server that takes them. Each name in `policies` is
    the name of a key and the key itself; its value is the policy in the key's line of the file (docs/auth.md), such as
    `scopes=upload list`, empty for none."""
    lines = [f"{name}:{sha256(name.encode()).hexdigest()}:{policy}" for name, policy in policies.items()]
    (directory / "keys").write_text("\n".join(line.rstrip(":") for line in lines))
    return {"auth": "api-key", "auth_keys_file": directory / "keys"}
