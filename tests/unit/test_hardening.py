"""The systemd unit, compose.yml and Dockerfile that ship confine the server and its Redis: few privileges, limits of
memory and processes, no pip, no password in the process list."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from configparser import RawConfigParser
from pathlib import Path

import pytest

from tusd_py.config.units import GIB, MIB, parse_size

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "config" / "tusd-py.service"
COMPOSE = (ROOT / "config" / "compose.yml").read_text()
IMAGE = (ROOT / "Dockerfile").read_text()

MOST_EXPOSED = 3.0
"""The highest exposure level that `systemd-analyze security` may give the unit, on its scale from 0 to 10."""


@pytest.mark.parametrize(
    "directive",
    [
        "CapabilityBoundingSet",
        "LockPersonality",
        "MemoryMax",
        "NoNewPrivileges",
        "ProtectKernelLogs",
        "ProtectKernelModules",
        "ProtectKernelTunables",
        "ProtectProc",
        "RestrictNamespaces",
        "SystemCallFilter",
        "TasksMax",
        "UMask",
    ],
)
def test_the_unit_is_hardened(directive: str) -> None:
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names as they are
    unit.read(UNIT)
    assert directive in unit["Service"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
def test_systemd_finds_the_unit_little_exposed() -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(UNIT)]
    report = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    level = re.search(r"Overall exposure level for tusd-py.service: ([0-9.]+)", report)
    assert level is not None
    assert float(level[1]) <= MOST_EXPOSED


def test_containers_are_confined() -> None:
    """Each service of compose.yml has no capability, gets no new privileges, has a read-only file system, and has
    limits of memory and processes."""
    services = len(re.findall(r"^    (?:build|image):", COMPOSE, re.MULTILINE))
    for line in ("cap_drop: [ALL]", 'security_opt: ["no-new-privileges:true"]', "read_only: true"):
        assert COMPOSE.count(f"    {line}\n") == services
    assert len(re.findall(r"^    (?:mem|pids)_limit: ", COMPOSE, re.MULTILINE)) == 2 * services


def test_the_container_has_room_for_what_its_workers_may_take() -> None:
    """The `mem_limit` of the service tusd-py in compose.yml is enough for 95 MiB and 1.15 times `memory-budget` for
    each worker of s3-redis.toml, and 32 KiB for each of 1000 connections: the sizes in docs/operations.md, "Sizing"."""
    shipped = tomllib.loads((ROOT / "config" / "s3-redis.toml").read_text())
    needed = shipped["workers"] * (95 * MIB + 1.15 * parse_size(shipped["memory-budget"]))
    limit = re.search(r"tusd-py:\n(?:    .*\n|\n)*?    mem_limit: (\d+)g\n", COMPOSE)
    assert limit is not None
    assert needed + 1000 * 32 * 1024 <= int(limit[1]) * GIB


def test_redis_memory_is_below_its_container_limit() -> None:
    """The `maxmemory` of Redis in compose.yml is at most three quarters of its container's 512 MiB, so that Redis
    refuses writes before the container is killed. Both services have `restart: unless-stopped`."""
    maxmemory = re.search(r"maxmemory (\d+)mb", COMPOSE)
    assert maxmemory is not None
    assert int(maxmemory[1]) * MIB <= 0.75 * 512 * MIB
    assert "mem_limit: 512m\n" in COMPOSE
    assert COMPOSE.count("    restart: unless-stopped\n") == 2


def test_redis_asks_for_a_password_that_is_in_no_process_list() -> None:
    assert "requirepass" in COMPOSE
    assert not re.search(r"--requirepass", COMPOSE)


def test_image_has_no_pip_and_a_health_check() -> None:
    final = IMAGE[IMAGE.rindex("FROM ") :]
    assert "pip uninstall --yes pip" in final
    assert "venv --without-pip" in IMAGE
    assert 'CMD ["tusd-py", "health", "--container"]' in final
