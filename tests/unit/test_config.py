from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusd_py.config import LocalDirectory, Settings, SqliteState, load_settings
from tusd_py.config.units import MIB
from tusd_py.domain.errors import ConfigurationError

EXAMPLES = Path(__file__).parents[2] / "config"


def load(
    flags: Mapping[str, object] | None = None, config: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    return load_settings(flags or {}, config, environ or {})


def complaint(
    flags: Mapping[str, object] | None = None, config: Path | None = None, environ: Mapping[str, str] | None = None
) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load(flags, config, environ)
    line = str(raised.value)
    assert "\n" not in line
    return line


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_nothing_said_gives_the_promised_defaults() -> None:
    settings = load()
    assert (settings.host, settings.port, settings.base_path) == (("127.0.0.1",), 8080, "/files/")
    assert settings.storage == LocalDirectory(Path("data"))
    assert settings.state == SqliteState(Path("data/state.db"))
    assert (settings.part_size, settings.memory_budget, settings.max_size) == (None, 256 * MIB, None)
    assert (settings.expire_after, settings.retention) == (86_400, None)
    assert (settings.network_timeout, settings.lock_ttl, settings.shutdown_timeout) == (60, 15, 25)
    assert (settings.behind_proxy, settings.public_url, settings.workers) == (False, None, 1)
    assert settings.cors_allow_origin.pattern == ".*"


def test_settings_made_by_a_program_read_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSD_PY_PORT", "1")
    assert (Settings().port, Settings(host=("::1",)).port, load().port) == (8080, 8080, 8080)


def test_precedence_of_the_sources(tmp_path: Path) -> None:
    """A flag wins over an environment variable, that over a secret file, that over TOML, and that over the default."""
    toml = write(tmp_path / "settings.toml", "port = 1\nhost = 'toml'\nlog-level = 'error'\nlock-ttl = '1s'")
    secret = write(tmp_path / "host", "secret\n")
    environ = {"TUSD_PY_PORT": "2", "TUSD_PY_LOG_LEVEL": "debug", "TUSD_PY_HOST_FILE": str(secret)}
    settings = load({"port": "3"}, toml, environ)
    assert (settings.port, settings.log_level, settings.host, settings.lock_ttl) == (3, "debug", ("secret",), 1)
    assert settings.workers == 1


def test_variable_wins_over_its_secret_file(tmp_path: Path) -> None:
    secret = write(tmp_path / "host", "secret")
    for environ in (
        {"TUSD_PY_HOST": "plain", "TUSD_PY_HOST_FILE": str(secret)},
        {"TUSD_PY_HOST_FILE": str(secret), "TUSD_PY_HOST": "plain"},
    ):
        assert load(environ=environ).host == ("plain",)


@pytest.mark.parametrize("setting", [setting for setting in Settings.model_fields if setting.endswith("_file")])
def test_a_setting_whose_name_ends_in_file_is_set(setting: str, tmp_path: Path) -> None:
    """The variable of a setting such as `auth_keys_file` has the setting's value; only with a further `_FILE` it names
    a file to read the value from."""
    variable = f"TUSD_PY_{setting.upper()}"
    assert getattr(load(environ={variable: "keys"}), setting) == Path("keys")
    content = write(tmp_path / "name", "keys\n")
    assert getattr(load(environ={f"{variable}_FILE": str(content)}), setting) == Path("keys")


def test_flag_wins_over_toml_path_of_environment(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one.toml", "port = 1"), write(tmp_path / "two.toml", "port = 2")
    environ = {"TUSD_PY_CONFIG": str(one)}
    assert load(environ=environ).port == 1
    assert load(config=two, environ=environ).port == 2


def test_toml_keys_may_have_hyphens_or_underscores(tmp_path: Path) -> None:
    assert load(config=write(tmp_path / "a.toml", "max-size = 5\nlog_level = 'debug'")).max_size == 5


def test_toml_values_may_be_of_toml_kinds(tmp_path: Path) -> None:
    text = "behind-proxy = true\nlock-ttl = 1.5\ncors-allow-headers = ['X-A']\ns3-tags = {team = 'web'}"
    settings = load(config=write(tmp_path / "a.toml", text))
    assert (settings.behind_proxy, settings.lock_ttl) == (True, 1.5)
    assert (settings.cors_allow_headers, settings.s3_tags) == (("X-A",), {"team": "web"})


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_every_example_is_accepted(example: Path) -> None:
    assert load(config=example)


def test_the_local_example_says_the_defaults() -> None:
    assert load(config=EXAMPLES / "local.toml") == Settings()


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_what_an_example_comments_out_works_too(example: Path, tmp_path: Path) -> None:
    text = re.sub(
        r"^# (s3-endpoint|s3-storage|s3-acl|part-size|public-url)", r"\1", example.read_text(), flags=re.MULTILINE
    )
    assert load(config=write(tmp_path / "a.toml", text))


# What is wrong is named as its writer wrote it.


def test_a_wrong_flag_is_named_as_a_flag() -> None:
    assert complaint({"lock_ttl": "soon"}) == "--lock-ttl 'soon': expected a duration above 0, such as 30, 90s or 24h"


def test_a_wrong_variable_is_named_as_a_variable() -> None:
    line = complaint(environ={"TUSD_PY_PORT": "http"})
    assert line == "TUSD_PY_PORT 'http': expected a port (0 to 65535)"
    assert complaint(environ={"TUSD_PY_Port": "http"}).startswith("TUSD_PY_Port 'http': ")


def test_a_wrong_toml_value_is_named_with_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", "log-level = 'loud'")
    assert complaint(config=path) == f"{path}: log-level 'loud': expected one of debug, info, warning, error"


def test_a_wrong_secret_is_named_but_not_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "state", "hunter2")
    line = complaint(environ={"TUSD_PY_STATE_FILE": str(path)})
    assert line.startswith("TUSD_PY_STATE_FILE: expected memory:")
    assert "hunter2" not in line


def test_names_nobody_knows_are_refused_with_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", "max-sise = 1")
    assert complaint(config=path) == f"{path}: max-sise: there is no such setting; did you mean max-size?"
    assert complaint(environ={"TUSD_PY_LOCKTTL": "1"}).endswith("no such setting; did you mean lock-ttl?")
    assert complaint(environ={"TUSD_PY_XYZZY": "1"}) == "TUSD_PY_XYZZY: there is no such setting"
    assert complaint(environ={"TUSD_PY_XYZZY_FILE": "/dev/null"}).startswith("TUSD_PY_XYZZY_FILE: there is no such")


def test_complaint_quotes_the_toml_key_as_written(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", "lock_ttl = 'soon'")
    assert complaint(config=path).startswith(f"{path}: lock_ttl 'soon': expected a duration")


def test_a_settings_file_may_be_a_pipe() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"port = 1")
    os.close(writing)
    assert load(config=Path(f"/dev/fd/{reading}")).port == 1
    os.close(reading)


def test_a_toml_key_given_twice_is_refused(tmp_path: Path) -> None:
    assert "given twice" in complaint(config=write(tmp_path / "a.toml", "lock-ttl = 1\nlock_ttl = 2"))


@pytest.mark.parametrize("line", [r'auth-keys-file = "/a\u0000b"', r'on-finish = ["scan", "\u0000"]'])
def test_a_nul_in_a_settings_file_is_refused(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "a.toml", line)
    assert complaint(config=path) == f"{path}: {line.partition(' ')[0]}: has a NUL character: take it out"


def test_a_settings_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert "No such file" in complaint(config=tmp_path / "none.toml")
    assert "directory" in complaint(config=tmp_path)
    assert "not TOML" in complaint(config=write(tmp_path / "a.toml", "port = = 1"))
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in complaint(config=tmp_path / "b.toml")


def test_kubernetes_service_variables_are_ignored() -> None:
    """The variables that Kubernetes sets for a service named tusd-py change no setting."""
    links = {
        "TUSD_PY_SERVICE_HOST": "10.0.0.1",
        "TUSD_PY_SERVICE_PORT": "80",
        "TUSD_PY_SERVICE_PORT_HTTP": "80",
        "TUSD_PY_PORT": "tcp://10.0.0.1:80",
        "TUSD_PY_PORT_80_TCP": "tcp://10.0.0.1:80",
        "TUSD_PY_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    assert load(environ=links) == Settings()


@given(st.dictionaries(st.sampled_from(sorted(Settings.model_fields)), st.text(), max_size=4))
def test_whatever_is_written_gives_settings_or_one_line(flags: Mapping[str, str]) -> None:
    try:
        line = repr(load(flags))
    except ConfigurationError as error:
        line = str(error)
    assert len(line.splitlines()) == 1
