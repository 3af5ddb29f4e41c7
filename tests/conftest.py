"""Fixtures that every room's tests may use."""

from __future__ import annotations

pytest_plugins = [
    "tests.support.fixtures_browser",
    "tests.support.fixtures_moto",
    "tests.support.fixtures_redis",
    "tests.support.fixtures_seaweed",
    "tests.support.fixtures_state",
]
