"""Fixtures that every room's tests may use."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = [
    "tests.support.fixtures_browser",
    "tests.support.fixtures_clients",
    "tests.support.fixtures_moto",
    "tests.support.fixtures_redis",
    "tests.support.fixtures_seaweed",
    "tests.support.fixtures_state",
]

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
