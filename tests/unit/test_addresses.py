"""Addresses that a server listens on are read from text, and written again: those of TCP as URLs have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tusd_py.config import load_settings
from tusd_py.config.addresses import Address, TcpAddress, UnixAddress, parse_address
from tusd_py.domain.errors import ConfigurationError

WRITTEN: dict[str, Address] = {
    "127.0.0.1:9090": TcpAddress("127.0.0.1", 9090),
    "metrics.internal:0": TcpAddress("metrics.internal", 0),
    "[::1]:9090": TcpAddress("::1", 9090),
    "unix:/run/m.sock": UnixAddress(Path("/run/m.sock")),
    "unix:m.sock": UnixAddress(Path("m.sock")),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_an_address_is_read_and_written(text: str) -> None:
    assert parse_address(text) == WRITTEN[text]
    assert str(WRITTEN[text]) == text


def test_a_zone_is_written_as_in_urls() -> None:
    assert str(parse_address("[fe80::1%eth0]:80")) == "[fe80::1%25eth0]:80"


@pytest.mark.parametrize("path", ["/" + "x" * 106, "é" * 53])
def test_a_path_is_as_long_as_the_system_takes(path: str) -> None:
    assert parse_address(f"unix:{path}") == UnixAddress(Path(path))
    with pytest.raises(ValueError, match=path):
        parse_address(f"unix:{path}xx")


@pytest.mark.parametrize("host", ["127.0.0.1,::1", " ::1 , 127.0.0.1,::1", ["::1", "127.0.0.1"]])
def test_several_hosts_are_each_one_once(host: Any) -> None:
    assert sorted(map(str, load_settings({"host": host}, None, {}).addresses)) == ["127.0.0.1:8080", "[::1]:8080"]


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({"host": "127.0.0.1", "metrics_address": "127.0.0.1:8080"}, False),
        ({"host": "192.0.2.1,127.0.0.1", "metrics_address": "127.0.0.1:8080"}, False),
        ({"host": "::", "metrics_address": "127.0.0.1:8080"}, False),
        ({"host": "127.0.0.1", "metrics_address": "0.0.0.0:8080"}, False),
        ({"host": "0.0.0.0", "metrics_address": "[::]:8080"}, False),
        ({"host": "::", "metrics_address": "0.0.0.0:8080"}, False),
        ({"host": "0.0.0.0", "metrics_address": "metrics.internal:8080"}, False),
        ({"host": "localhost", "metrics_address": "127.0.0.1:8080"}, False),
        ({"host": "::1", "metrics_address": "LOCALHOST:8080"}, False),
        ({"host": "0:0::1", "metrics_address": "[::1]:8080"}, False),
        ({"host": "0.0.0.0", "metrics_address": "[::1]:8080"}, True),
        ({"host": "::1", "metrics_address": "0.0.0.0:8080"}, True),
        ({"host": "127.0.0.2", "metrics_address": "localhost:8080"}, True),
        ({"host": "192.0.2.1", "metrics_address": "127.0.0.1:8080"}, True),
        ({"host": "::", "metrics_address": "127.0.0.1:8081"}, True),
        ({"host": "::", "port": "0", "metrics_address": "127.0.0.1:0"}, True),
        ({"host": "::", "unix_socket": "/run/x", "metrics_address": "127.0.0.1:8080"}, True),
        ({"host": "::", "metrics_address": "unix:/run/x"}, True),
    ],
)
def test_metrics_are_not_where_uploads_are(settings: dict[str, str], *, fits: bool) -> None:
    if fits:
        assert load_settings(settings, None, {}).metrics_address
        return
    with pytest.raises(ConfigurationError, match="expected an address other than host and port"):
        load_settings(settings, None, {})
