"""Credentials that expire, and whoever renews them hands out old ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from aiobotocore.session import get_session

from tusd_py.errors import StorageUnavailable
from tusd_py.storage.s3.errors import translated

EXPIRED = {
    "Version": 1,
    "AccessKeyId": "key",
    "SecretAccessKey": "secret",
    "SessionToken": "token",
    "Expiration": "2020-01-01T00:00:00Z",
}


async def test_credentials_that_stay_expired_are_the_storage_being_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, config = tmp_path / "credentials.py", tmp_path / "config"
    source.write_text(f"print({json.dumps(EXPIRED)!r})")
    config.write_text(f"[default]\ncredential_process = {sys.executable} {source}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(StorageUnavailable):
        await _frozen()


async def _frozen() -> None:
    async with translated("PutObject"):
        found = await get_session().get_credentials()
        assert found is not None
        await found.get_frozen_credentials()
