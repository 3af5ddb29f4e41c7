"""The users of the S3 server that `devtools.seaweed` starts: names, keys and rights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One S3 user and what SeaweedFS lets it do."""

    name: str
    actions: tuple[str, ...]

    @property
    def access_key(self) -> str:
        return f"{self.name}-key"

    @property
    def secret_key(self) -> str:
        return f"{self.name}-secret"

    def environment(self) -> dict[str, str]:
        """Return the environment variables, credentials and region, that the usual AWS chain reads."""
        keys = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        return {**keys, "AWS_DEFAULT_REGION": REGION}

    def as_json(self) -> dict[str, Any]:
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        return {"name": self.name, "credentials": credentials, "actions": list(self.actions)}
