"""The making of subscriptions and sinks from the settings of hooks and events, and the ConfigurationError where that
fails."""

from __future__ import annotations

import sys

import pytest

from tusd_py.config import Settings, load_settings
from tusd_py.domain.errors import ConfigurationError
from tusd_py.domain.events import EventType
from tusd_py.events_out.sinks.nats_stream import NatsSubject
from tusd_py.events_out.sinks.redis_stream import RedisStream
from tusd_py.ports.observer import Observer
from tusd_py.server.app import create_app
from tusd_py.server.broker_wiring import _split, open_broker
from tusd_py.server.event_wiring import disclosure, open_hooks, subscriptions
from tusd_py.server.wiring import open_unpaired
from tusd_py.transfer.budget import Budget


def settings(**flags: object) -> Settings:
    return load_settings(flags, None, {})


def test_hooks_subscribe_to_what_is_enabled() -> None:
    [wish] = subscriptions(settings(hooks_http="http://h/", hooks_enabled_events="post-finish,post-expire,pre-create"))
    assert (wish.name, wish.format) == ("hooks-http", "tusd")
    assert wish.types == {EventType.FINISHED, EventType.EXPIRED}


def test_addresses_subscribe_by_their_names() -> None:
    wishes = subscriptions(
        settings(events_to="https://u:p@h/?x,nats://h/s", events_types="finished", events_format="s3"), hooks=object()
    )
    assert [(wish.name, wish.format) for wish in wishes] == [
        ("hooks-python", "tusd"),
        ("https://h/", "s3"),
        ("nats://h/s", "s3"),
    ]
    assert wishes[1].types == {EventType.FINISHED}


def test_without_hooks_and_addresses_nothing_is_wanted() -> None:
    assert subscriptions(settings()) == []


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"hooks_http": "http://h/", "live": True}, True),
        ({"events_to": "nats://h/s", "events_format": "tusd"}, True),
        ({"events_to": "nats://h/s", "jobs": True}, False),
        ({"live": True, "jobs": True}, None),
    ],
)
def test_header_fields_are_disclosed_to_those_that_tell_them(flags: dict[str, object], expected: object) -> None:
    reader = disclosure(settings(**flags))
    assert (None if reader is None else reader.verbose) == expected


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("nats://u:p@h:1/a.b", ("nats://u:p@h:1/", "a.b")),
        ("redis://h/0/stream", ("redis://h/0", "stream")),
        ("amqp://h/%2Fvhost/ex%20change/", ("amqp://h/%2Fvhost", "ex change")),
    ],
)
def test_the_last_part_of_a_path_is_the_broker_s_name(url: str, parts: tuple[str, str]) -> None:
    assert _split(url) == parts


@pytest.mark.parametrize("kind", [{"hooks_http": "http://h/"}, {"hooks_dir": "/"}])
def test_an_application_has_hooks_of_one_kind(kind: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="choose one"):
        create_app(settings(ui=False, **kind), hooks=object())


def test_hooks_of_an_application_have_a_longer_lease() -> None:
    chosen = settings(ui=False, events_timeout="60s", events_lease="60s")
    with pytest.raises(ConfigurationError, match="events-lease must be longer than events-timeout"):
        create_app(chosen, hooks=object())
    create_app(chosen)


async def test_brokers_are_opened_without_a_connection() -> None:
    assert isinstance(await open_broker("redis:", "stream", "redis://127.0.0.1:1/0"), RedisStream)
    assert isinstance(await open_broker("nats", "nats://127.0.0.1:1/s", ""), NatsSubject)
    with pytest.raises(ConfigurationError, match="not the URL of a Redis"):
        await open_broker("redis", "redis://h:port/0/s", "")


@pytest.mark.parametrize(
    ("scheme", "module", "extra"), [("nats", "nats_stream", "nats"), ("amqp", "amqp_exchange", "amqp")]
)
async def test_a_missing_extra_is_named(scheme: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"tusd_py.events_out.sinks.{module}", None)
    with pytest.raises(ConfigurationError, match=rf"install tusd-py\[{extra}\]"):
        await open_broker(scheme, f"{scheme}://h/name", "")


async def test_sniffing_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "puremagic", None)
    chosen = settings(state="memory:", sniff=True, allowed_types="image/*")
    with pytest.raises(ConfigurationError, match=r"^sniff: puremagic is missing: install tusd-py\[sniff\]$"):
        async with open_unpaired(chosen, Budget(1)):
            raise AssertionError


async def test_code_that_can_not_be_imported_ends_the_start() -> None:
    with pytest.raises(ConfigurationError, match="hooks-python no_such_module_9:x: ModuleNotFoundError"):
        async with open_hooks(settings(hooks_python="no_such_module_9:x"), Observer()):
            raise AssertionError
