"""`tusd-py token` prints one upload token, made with the server's settings, and nothing else; wrong use is one line on
stderr."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest

from tests.support.credentials import SECRET
from tusd_py.cli import commands as cli

PUBLIC = ("--public-url", "https://up.example")


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSD_PY_AUTH_TOKEN_SECRET", SECRET)


def issue(capsys: pytest.CaptureFixture[str], *arguments: str) -> Mapping[str, Any]:
    assert cli._run(["token", *arguments]) == 0
    out, err = capsys.readouterr()
    assert (out.count("\n"), err) == (1, "")
    return jwt.decode(out.strip(), SECRET, ["HS256"], options={"verify_aud": False})


def failed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli._run(["token", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return err


def test_nothing_said_allows_one_upload_within_an_hour(capsys: pytest.CaptureFixture[str]) -> None:
    claims = issue(capsys)
    assert claims["aud"] == "http://127.0.0.1:8080/files/"
    assert (claims["scope"], claims["n"], "sub" in claims) == ("create", 1, False)
    assert 3590 < claims["exp"] - time.time() < 3610


def test_each_option_is_a_claim(capsys: pytest.CaptureFixture[str]) -> None:
    claims = issue(
        capsys,
        *("--sub", "alice", "--max", "5GiB", "--types", "image/*, text/plain", "--meta", "filename=a=b.txt"),
        *("--meta", "empty=", "--key", "team/a", "-n", "3", "--ttl", "7d", "--endpoint", "https://up.example/media"),
    )
    expected = {
        "sub": "alice",
        "max": 5 * 2**30,
        "types": ["image/*", "text/plain"],
        "meta": {"filename": "a=b.txt", "empty": ""},
        "key": "team/a",
        "n": 3,
        "aud": "https://up.example/media/",
    }
    assert {name: claims[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("arguments", "audience"),
    [
        (PUBLIC, "https://up.example/files/"),
        (("--host", "::1", "--port", "1", "--base-path", "/a"), "http://[::1]:1/a/"),
        (("--port", "80"), "http://127.0.0.1/files/"),
        (("--host", "0.0.0.0", "--endpoint", "http://192.0.2.1:8080/files"), "http://192.0.2.1:8080/files/"),
        (("--unix-socket", "/run/t.sock", *PUBLIC), "https://up.example/files/"),
    ],
)
def test_the_endpoint_is_the_servers(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], audience: str
) -> None:
    assert issue(capsys, *arguments)["aud"] == audience


@pytest.mark.parametrize(
    "arguments",
    [
        ("--ttl", "8d"),
        ("--ttl", "0"),
        ("--max", "lots"),
        ("-n", "0"),
        ("--types", "image"),
        ("--meta", "a"),
        ("--meta", "a b=c"),
        ("--meta", f"a={'x' * 16_384}"),
        ("--key", "../a"),
        ("--sub", ""),
        ("--endpoint", "up.example"),
        ("--unix-socket", "/run/t.sock"),
        ("--host", "0.0.0.0"),
        ("--host", "::0"),
        ("--port", "0"),
    ],
)
def test_wrong_use_is_one_line(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert failed(capsys, *arguments).startswith("tusd-py: ")


def test_a_key_leaves_room_for_the_ids_of_several(capsys: pytest.CaptureFixture[str]) -> None:
    assert "key must be at most 222 characters" in failed(capsys, "--key", "a" * 223, "-n", "2")
    assert issue(capsys, "--key", "a" * 222, "-n", "2", *PUBLIC)["n"] == 2


def test_without_a_secret_there_is_none(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUSD_PY_AUTH_TOKEN_SECRET")
    assert "auth-token-secret is missing" in failed(capsys)
