"""The exposures that settings leave open to any client (`exposures`), and the addresses of a server that other machines
can reach (`reachable_addresses`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tusd_py.config import Settings
from tusd_py.config.addresses import is_loopback, reachable_addresses
from tusd_py.config.openness import exposures
from tusd_py.config.sources import load_settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
CLOSED: dict[str, Any] = {
    "max_size": "5GiB",
    "max_uploads": 1000,
    "max_client_creations": "60/m",
    "max_open_bytes": "1TiB",
    "min_data_rate": "1KiB",
    "retention": "30d",
    "cors_allow_origin": r"https://app\.example",
    "terminate_finished": False,
    "metrics_address": "127.0.0.1:9090",
    "allowed_hosts": "up.example",
}


def test_the_defaults_leave_all_of_it_open() -> None:
    assert set(exposures(Settings())) == {setting.replace("_", "-") for setting in CLOSED}


@pytest.mark.parametrize(
    ("setting", "opened"),
    [
        ("max-open-uploads", {"max_open_uploads": None}),
        ("disable-cors", {"disable_cors": True}),
        ("trusted-proxies", {"behind_proxy": True, "trusted_proxies": "any"}),
        ("trusted-proxies", {"behind_proxy": True, "trusted_proxies": "10.0.0.1,::/0"}),
    ],
)
def test_a_default_can_be_opened(setting: str, opened: dict[str, Any]) -> None:
    assert list(exposures(Settings(**CLOSED, **opened))) == [setting]


def test_proxies_that_are_not_believed_open_nothing() -> None:
    believed: dict[str, Any] = {**CLOSED, "trusted_proxies": "any"}
    assert exposures(Settings(**believed)) == {}


def test_each_setting_closes_what_it_is_named_for() -> None:
    assert exposures(Settings(**CLOSED)) == {}
    for setting in CLOSED:
        remaining = {name: value for name, value in CLOSED.items() if name != setting}
        assert list(exposures(Settings(**remaining))) == [setting.replace("_", "-")]


def test_disabled_termination_is_no_exposure() -> None:
    assert "terminate-finished" not in exposures(Settings(disable_termination=True))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:192.0.2.1", False),
        ("localhost", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("up", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_each_address_is_judged() -> None:
    def reachable(**settings: Any) -> list[str]:
        return [str(address) for address in reachable_addresses(Settings(**settings).addresses)]

    assert reachable(host="127.0.0.1,::1,localhost") == []
    assert reachable(host="127.0.0.1,192.0.2.1,::", port=80) == ["192.0.2.1:80", "[::]:80"]
    assert reachable(host="::", unix_socket="/run/tusd.sock") == []


def test_the_ten_lines_of_the_documents_close_it(tmp_path: Path) -> None:
    lines = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    file = tmp_path / "ten.toml"
    file.write_text(lines[0])
    assert exposures(load_settings({}, file, {})) == {}
