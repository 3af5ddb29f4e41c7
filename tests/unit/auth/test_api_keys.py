"""API keys: the file that holds their digests, and its changes."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import pytest
from multidict import CIMultiDict

from tests.support.credentials import Troubles, bearing, request
from tusd_py.auth import api_keys
from tusd_py.auth.api_keys import ApiKeys
from tusd_py.config.keys_file import parse_keys_file, read_keys_file
from tusd_py.domain.caller import Caller
from tusd_py.domain.errors import ConfigurationError
from tusd_py.domain.principal import Allowance, Principal, Quota

KEY = "k-1"
SCOPES = frozenset({"upload", "tokens"})


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def line(name: str = "backend", key: str = KEY, policy: str = "") -> str:
    return f"{name}:{digest(key)}{policy and ':'}{policy}\n"


@pytest.fixture(autouse=True)
def _each_request_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "_AGE", 0.0)


def opened(path: Path, text: str, troubles: Troubles | None = None) -> ApiKeys:
    path.write_text(text)
    return ApiKeys(partial(read_keys_file, path), parse_keys_file, troubles)


async def owner(keys: ApiKeys, caller: Caller) -> str | None:
    principal = await keys.identify(caller)
    return None if principal is None else principal.subject


async def test_a_key_comes_in_two_places(tmp_path: Path) -> None:
    keys = opened(tmp_path / "keys", line())
    for caller in (bearing(KEY), request(X_Api_Key=KEY), request(Authorization="bearer  k-1 ")):
        assert await keys.identify(caller) == Principal(subject="backend", scopes=SCOPES)


@pytest.mark.parametrize(("name", "value"), [("Authorization", f"Bearer {KEY}"), ("X-Api-Key", KEY)])
async def test_two_lines_are_no_credential(tmp_path: Path, name: str, value: str) -> None:
    """A credential in two lines of the same field identifies no principal: a proxy may have checked one line, and the
    server would take the other."""
    caller = Caller(headers=CIMultiDict([(name, value), (name.lower(), value)]))
    assert await opened(tmp_path / "keys", line()).identify(caller) is None


async def test_other_keys_are_left_to_others(tmp_path: Path) -> None:
    keys = opened(tmp_path / "keys", line())
    foreign_keys = ("k-2", "", digest(KEY), "k" * 99_999)
    for caller in (request(), request(X_Api_Key=""), *map(bearing, foreign_keys)):
        assert await keys.identify(caller) is None
    assert await owner(keys, request(X_Api_Key="k-2", Authorization=f"Bearer {KEY}")) == "backend"


async def test_a_name_may_have_two_keys(tmp_path: Path) -> None:
    keys = opened(tmp_path / "keys", line() + line(key="k-2"))
    assert [await owner(keys, bearing(key)) for key in (KEY, "k-2")] == ["backend", "backend"]


async def test_a_changed_file_counts(tmp_path: Path) -> None:
    keys = opened(tmp_path / "keys", line())
    (tmp_path / "keys").write_text(line("new", "k-2"))
    assert [await owner(keys, bearing(key)) for key in (KEY, "k-2")] == [None, "new"]


@pytest.mark.parametrize("broken", ["nonsense", line(policy="max-size=lots"), line(policy="wat=1"), "\udcff"])
async def test_a_broken_file_keeps_the_old_keys_and_is_told_once(tmp_path: Path, broken: str) -> None:
    troubles = Troubles()
    keys = opened(tmp_path / "keys", line(), troubles)
    (tmp_path / "keys").write_text(line("new", "k-2") + broken, errors="surrogateescape")
    assert [await owner(keys, bearing(key)) for key in (KEY, "k-2", KEY)] == ["backend", None, "backend"]
    assert troubles.messages == ["api keys not read"]
    (tmp_path / "keys").write_text(line("new", "k-2"))
    assert await owner(keys, bearing("k-2")) == "new"


async def test_a_file_that_is_gone_keeps_the_old_keys(tmp_path: Path) -> None:
    troubles = Troubles()
    keys = opened(tmp_path / "keys", line(), troubles)
    (tmp_path / "keys").unlink()
    assert await owner(keys, bearing(KEY)) == "backend"
    assert troubles.messages == ["api keys not read"]


def test_a_start_needs_a_good_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        ApiKeys(partial(read_keys_file, tmp_path / "none"), parse_keys_file)
    with pytest.raises(ConfigurationError, match="line 2"):
        opened(tmp_path / "keys", "# keys\nnonsense")
    with pytest.raises(ConfigurationError, match="longer than 1 MiB"):
        opened(tmp_path / "keys", "#" * (1024 * 1024 + 1))


def test_comments_and_blank_lines_say_nothing() -> None:
    text = f"\ufeff# keys\n\n  {line()}  # the backend\n\t# {line('other')}"
    assert [key.name for key in parse_keys_file(text.removeprefix(chr(0xFEFF)))] == ["backend"]
    assert parse_keys_file("") == []


def test_a_policy_is_what_its_words_say() -> None:
    policy = (
        "max-size=5GiB, types=Image/* text/plain,key-prefix=team/a/,quota-bytes=1TiB,quota-uploads=10,"
        "quota-rate=60/m,scopes=upload list"
    )
    [key] = parse_keys_file(line(policy=policy))
    assert key.scopes == {"upload", "list"}
    assert key.allowance == Allowance(
        max_length=5 * 2**30,
        types=("image/*", "text/plain"),
        key_prefix="team/a/",
        quota=Quota(max_bytes=2**40, max_uploads=10),
        rate=(60, 60.0),
    )


def test_no_policy_limits_nothing() -> None:
    assert [key.allowance for key in parse_keys_file(line() + line(key="k-2", policy=" "))] == [Allowance()] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        "backend",
        "backend:",
        f":{digest(KEY)}",
        f"a b:{digest(KEY)}",
        "backend:abc",
        f"backend:{digest(KEY)}0",
        line(policy="max-size"),
        line(policy="max-size=1,max-size=2"),
        line(policy="max-size=-1"),
        line(policy="types=image"),
        line(policy="types="),
        line(policy="key-prefix=../a"),
        line(policy="key-prefix=/a"),
        line(policy="key-prefix=.tusd-py/"),
        line(policy="quota-uploads=0"),
        line(policy="quota-rate=fast"),
        line(policy="scopes=create"),
        line(policy="scopes="),
    ],
)
def test_a_wrong_line_is_named_and_not_shown(wrong: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_keys_file(f"{line('good')}{wrong}")
    message = str(raised.value)
    assert message.startswith("auth-keys-file: line 2: ")
    assert "\n" not in message
    assert digest(KEY) not in message
