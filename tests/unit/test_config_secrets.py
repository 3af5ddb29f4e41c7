"""Passwords in settings: never shown, and there for the code that needs them."""

from __future__ import annotations

import pytest

from tusd_py.config import RedisState, Settings, load_settings
from tusd_py.domain.errors import ConfigurationError


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:hunter2@h:6379/0",
        "rediss://:hun/ter2@h",
        "redis://h?password=hunter2",
        "redis://:hunter2@h/x",
        "hunter2@h:6379",
        "user:hunter2@h",
        "redis:hunter2@h",
        "redis:/hunter2@h",
        "redis:///hunter2@h",
    ],
)
def test_the_password_of_a_state_is_never_shown(url: str) -> None:
    try:
        settings = load_settings({"state": url}, None, {})
    except ConfigurationError as error:
        text = str(error)
    else:
        text = f"{settings!r} {settings} {settings.state} {settings.model_dump()} {settings.model_dump_json()}"
    assert "hunter2" not in text
    assert "ter2" not in text


@pytest.mark.parametrize(
    "setting",
    [name for name in Settings.model_fields if name.endswith("url") or name in {"hooks_http", "events_to"}],
)
def test_the_password_of_a_wrong_url_is_never_shown(setting: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_settings({setting: "https://user:hunter2@h/a b#c"}, None, {})
    assert "hunter2" not in str(error.value)


def test_the_password_is_there_for_who_needs_it() -> None:
    state = load_settings({"state": "redis://:hunter2@h"}, None, {}).state
    assert isinstance(state, RedisState)
    assert state.url.get_secret_value() == "redis://:hunter2@h"
    assert str(state) == "redis://***@h"
