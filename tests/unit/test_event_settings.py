"""The settings of hooks and events: the values that they accept, and a ConfigurationError of one line for those that
can't work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tusd_py.config import Settings, load_settings
from tusd_py.config.sources import password_settings
from tusd_py.domain.errors import ConfigurationError
from tusd_py.domain.events import UPLOAD_TYPES

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HTTP: Any = {"hooks_http": "http://127.0.0.1:8000/"}


def load(environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    return load_settings(flags, None, environ or {})


def complaint(environ: Any = None, **flags: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load(environ, **flags)
    text = str(raised.value)
    assert "\n" not in text
    return text


WRONG: Mapping[str, Sequence[object]] = {
    "hooks_http": ["127.0.0.1:8000", "ftp://h/", "http://", "http://h:x/", "http://h/a b"],
    "hooks_python": ["module", "module:", ":name", "a b:c", "module:a.b"],
    "hooks_grpc": ["127.0.0.1:9000"],
    "hooks_plugin": ["./plugin"],
    "hooks_enabled_events": ["post-bla", "finished", "post-create post-finish"],
    "hooks_http_forward_headers": ["a b"],
    "hooks_http_retry": ["0", "x"],
    "hooks_http_timeout": ["0", "-1s", "x"],
    "hooks_dir_concurrency": ["0"],
    "hooks_order": ["lax"],
    "hooks_buckets": ["uploads", "Up", "a/b", "*.internal"],
    "hooks_secret": [
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_c2hvcnQ=",
        "whsec_" + "A" * 100,
        "whsec_!",
        f"{SECRET} {SECRET} {SECRET}",
    ],
    "events_to": [
        "127.0.0.1",
        "ftp://h/x",
        "https://",
        "redis:",
        "redis://h",
        "redis://h/",
        "sqs:queue",
        "sqs:https://sqs.eu-central-1.amazonaws.com/",
        "sns:topic",
        "nats://h",
        "amqp://h/",
        "kafka://h/topic",
        "https://a/x?1,https://b@a/x?2",
    ],
    "events_format": ["json"],
    "events_types": ["finish", "post-finish", "finished,job"],
    "events_schedule": ["soon", "1s,,x", "", ","],
    "events_lease": ["0"],
}


@pytest.mark.parametrize(("setting", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_is_one_line_that_names_the_setting(setting: str, value: object) -> None:
    text = complaint(None, **{setting: value})
    assert text.startswith(f"--{setting.replace('_', '-')}")
    assert ": expected " in text


def test_grpc_and_plugins_are_told_what_to_use_instead() -> None:
    assert complaint(hooks_grpc="h:1").endswith("expected none: use hooks-http, hooks-dir or hooks-python instead")


@pytest.mark.parametrize(
    "both", [("hooks_http", "hooks_dir"), ("hooks_http", "hooks_python"), ("hooks_dir", "hooks_python")]
)
def test_hooks_are_of_one_kind(both: tuple[str, str], tmp_path: Path) -> None:
    values = {"hooks_http": "http://h/", "hooks_dir": str(tmp_path), "hooks_python": "a:b"}
    text = complaint(None, **{name: values[name] for name in both})
    assert text.endswith("expected only one of hooks-http, hooks-dir and hooks-python")


def test_a_lease_is_longer_than_each_timeout_that_is_in_use() -> None:
    assert "longer than hooks-http-timeout" in complaint(**HTTP, hooks_http_timeout="60s")
    assert "longer than hooks-dir-timeout" in complaint(hooks_dir="x", hooks_dir_timeout="61s")
    assert "longer than events-timeout" in complaint(events_to="https://h/", events_lease="10s")
    assert load(**HTTP, events_timeout="90s", hooks_dir_timeout="90s").hooks_http_timeout == 15.0
    assert load(**HTTP, events_lease="5s", hooks_http_timeout="2s").events_lease == 5.0


def test_a_stream_of_the_state_needs_redis() -> None:
    assert "state redis://" in complaint(events_to="redis:stream")
    assert str(load(events_to="redis:stream", state="redis://h").events_to[0]) == "redis:stream"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://u:p@h:1/x?key=s", "https://h:1/x"),
        ("http://h", "http://h"),
        ("redis://:p@h/0/stream", "redis://h/0/stream"),
        ("sqs:https://sqs.eu-central-1.amazonaws.com/1/q.fifo", "sqs:https://sqs.eu-central-1.amazonaws.com/1/q.fifo"),
        ("sns:arn:aws:sns:eu-central-1:123456789012:t", "sns:arn:aws:sns:eu-central-1:123456789012:t"),
        ("nats://u:p@h/uploads.all", "nats://h/uploads.all"),
        ("amqps://u:p@h/vhost/exchange", "amqps://h/vhost/exchange"),
    ],
)
def test_a_sink_is_named_by_its_address_without_secrets(address: str, name: str) -> None:
    [parsed] = load(events_to=address).events_to
    assert str(parsed) == name
    assert "p@" not in repr(parsed)


def test_the_contract_s_defaults_are_kept() -> None:
    settings = Settings()
    assert ",".join(map(str, settings.events_schedule)) == "0s,5s,5m,30m,2h,5h,10h,14h,20h,24h"
    assert sum(settings.events_schedule) / 3600 == pytest.approx(75.6, abs=0.1)
    assert settings.hooks_enabled_events == (
        "pre-create",
        "post-create",
        "post-receive",
        "post-terminate",
        "post-finish",
    )
    assert (settings.hooks_http_retry, settings.hooks_http_backoff, settings.hooks_http_size_limit) == (3, 1.0, 5120)
    assert (settings.events_lease, settings.events_timeout, settings.hooks_dir_concurrency) == (60.0, 15.0, 8)
    assert settings.events_types == UPLOAD_TYPES


def test_a_secret_may_be_in_a_file_and_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}, {SECRET}\n")
    settings = load({"TUSD_PY_HOOKS_SECRET_FILE": str(path)})
    assert [secret.get_secret_value() for secret in settings.hooks_secret] == [SECRET, SECRET]
    assert SECRET not in repr(settings)
    assert "s3cret" not in complaint(hooks_secret="whsec_s3cret")
    assert "s3cret" not in complaint(events_to="ftp://u:s3cret@h/")


def test_passwords_in_flags_are_warned_of() -> None:
    flags = {"hooks_secret": SECRET, "events_to": "https://h/,amqp://u:p@h/x", "hooks_http": "http://u:p@h/"}
    assert set(password_settings(flags)) == set(flags)
    for address in ("nats://TOKEN@h/s", "sqs:https://u:p@h/q", "https://h/,sqs:https://u:p@h/q", "redis://:a,b@h/s"):
        assert password_settings({"events_to": address}) == ["events_to"]
    for state in ("redis://:a,b@h", "redis://h?db=1&password=a,b"):
        assert password_settings({"state": state}) == ["state"]
    public = {
        "events_to": "https://h/,https://h:1/a@b?c@d,redis:s",
        "hooks_http": "http://h/?c=@",
        "state": "redis://h",
    }
    assert password_settings(public) == []
