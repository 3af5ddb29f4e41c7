"""The settings of authentication: what each way to log in needs, and secrets that are shown nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tusd_py.config import Settings, load_settings
from tusd_py.config.sources import password_settings
from tusd_py.domain.errors import ConfigurationError

SECRET = "0123456789abcdef0123456789abcdef"
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "token": {"auth_token_secret": SECRET},
    "jwt": {"auth_audience": "uploads", "auth_jwks_url": "https://id.example/keys?p=1"},
    "api-key": {"auth_keys_file": "/etc/tusd-py/keys"},
    "forward": {"auth_url": "http://auth.internal/verify?rd=1"},
    "proxy": {"auth_user_header": "X-User", "behind_proxy": "on"},
}


def load(environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    return load_settings(flags, None, environ or {})


def complaint(environ: Mapping[str, str] | None = None, **flags: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load(environ, **flags)
    line = str(raised.value)
    assert "\n" not in line
    return line


def test_nothing_said_asks_for_no_login() -> None:
    settings = load()
    assert (settings.auth, settings.auth_uploads, settings.auth_head, settings.require_auth) == (
        (),
        None,
        "open",
        False,
    )
    assert (settings.auth_leeway, settings.auth_owner_claim, settings.auth_cache, settings.auth_timeout) == (
        30,
        "sub",
        0,
        5,
    )
    assert (settings.auth_jwks_cache, settings.auth_jwks_refresh) == (300, 30)


@pytest.mark.parametrize("words", ["", "none", "NONE"])
def test_none_is_none(words: str) -> None:
    assert load(auth=words).auth == ()


def test_the_order_stays() -> None:
    settings = load(auth="proxy, token,JWT,token", **NEEDED["proxy"], **NEEDED["token"], **NEEDED["jwt"])
    assert settings.auth == ("proxy", "token", "jwt")


@pytest.mark.parametrize("words", ["oauth", "token,none", "jwt;token"])
def test_other_ways_are_refused(words: str) -> None:
    line = complaint(auth=words, **NEEDED["token"])
    assert line == f"--auth {words!r}: expected none, or a list of token, jwt, api-key, forward, proxy"


@pytest.mark.parametrize("maker", NEEDED)
def test_each_way_starts_with_what_it_needs(maker: str) -> None:
    assert load(auth=maker, **NEEDED[maker]).auth == (maker,)


@pytest.mark.parametrize(("maker", "setting"), [(maker, setting) for maker in NEEDED for setting in NEEDED[maker]])
def test_each_way_needs_all_of_it(maker: str, setting: str) -> None:
    remaining = {name: value for name, value in NEEDED[maker].items() if name != setting}
    line = complaint(auth=maker, **remaining)
    assert line.startswith(f"--auth '{maker}': expected ")
    assert setting.replace("_", "-") in line


def test_a_secret_serves_jwt_instead_of_keys() -> None:
    assert load(auth="jwt", auth_audience="a,b", auth_jwt_secret=SECRET).auth_audience == ("a", "b")


each_secret = pytest.mark.parametrize("setting", ["auth_token_secret", "auth_jwt_secret"])


@each_secret
def test_a_secret_is_shown_nowhere(setting: str) -> None:
    settings = load({f"TUSD_PY_{setting.upper()}": SECRET})
    assert SECRET not in f"{settings!r} {settings}"
    assert getattr(settings, setting).get_secret_value() == SECRET


@each_secret
@pytest.mark.parametrize("wrong", ["short", "-----BEGIN PUBLIC KEY-----" + "x" * 32])
def test_a_wrong_secret_is_not_shown_either(setting: str, wrong: str) -> None:
    for environ, flags in (({}, {setting: wrong}), ({f"TUSD_PY_{setting.upper()}": wrong}, {})):
        line = complaint(environ, **flags)
        assert "expected at least 32 bytes" in line
        assert wrong not in line


@each_secret
def test_a_secret_may_come_from_a_file(setting: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    settings = load({f"TUSD_PY_{setting.upper()}_FILE": str(tmp_path / "secret")})
    assert getattr(settings, setting).get_secret_value() == SECRET


@each_secret
def test_the_bytes_of_a_secret_are_counted(setting: str) -> None:
    settings = load({f"TUSD_PY_{setting.upper()}": "ü" * 16})
    assert getattr(settings, setting).get_secret_value() == "ü" * 16


@each_secret
def test_a_secret_that_is_a_flag_is_warned_of(setting: str) -> None:
    assert password_settings({setting: SECRET, "port": "1"}) == [setting]


@pytest.mark.parametrize("url", ["https://a.example/k", "http://127.0.0.1:1/k", "http://[::1]/k", "http://localhost/k"])
def test_keys_come_by_https_or_from_this_machine(url: str) -> None:
    assert load(auth_jwks_url=url).auth_jwks_url == url


@pytest.mark.parametrize("url", ["http://a.example/k", "ftp://a/k", "https://u:p@a/k", "https://a/#b", "a"])
def test_keys_come_from_nowhere_else(url: str) -> None:
    line = complaint(auth_jwks_url=url)
    assert "expected an https:// URL" in line
    assert "u:p@" not in line


@pytest.mark.parametrize("auth", ["token", "api-key", "jwt", "forward", "proxy", "jwt,token"])
def test_tokens_and_keys_continue_uploads_by_url(auth: str) -> None:
    needed = {name: value for maker in auth.split(",") for name, value in NEEDED[maker].items()}
    by_url = "token" in auth or "api-key" in auth
    assert load(auth=auth, **needed).continues_by_url is by_url
    assert load(auth=auth, **needed, auth_uploads="owner").continues_by_url is False
    assert load(auth=auth, **needed, auth_uploads="capability").continues_by_url is True


def test_words_that_are_no_choice_are_refused() -> None:
    assert complaint(auth_uploads="anyone").endswith("expected capability, owner, or none")
    assert complaint(auth_head="closed").endswith("expected one of open, required")
    assert "the name of a header" in complaint(auth_user_header="X User")


def test_an_open_server_is_known_and_can_be_refused() -> None:
    assert [load(host=host).is_open for host in ("127.0.0.1,::1", "127.0.0.1,192.0.2.1", "0.0.0.0")] == [
        False,
        True,
        True,
    ]
    line = complaint(host="127.0.0.1,0.0.0.0", require_auth="on")
    assert line == "--require-auth 'on': expected auth to be set: other machines can reach 0.0.0.0"
    assert load(host="127.0.0.1", require_auth="on").require_auth
    assert load(host="::", unix_socket="/run/tusd.sock", require_auth="on").require_auth
    assert not load(host="::", require_auth="on", auth="token", **NEEDED["token"]).is_open
