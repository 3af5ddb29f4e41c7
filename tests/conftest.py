"""Fixtures for the tests of every directory."""

from __future__ import annotations

import asyncio.constants
import gc

import pytest
from hypothesis import is_hypothesis_test, settings

pytest_plugins = [
    "tests.support.fixtures_brokers",
    "tests.support.fixtures_browser",
    "tests.support.fixtures_clients",
    "tests.support.fixtures_moto",
    "tests.support.fixtures_redis",
    "tests.support.fixtures_seaweed",
    "tests.support.fixtures_state",
]

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
vars(asyncio.constants)["DEBUG_STACK_DEPTH"] = 1  # frames that are kept of each handle: all ten take a tenth longer

_SHRINKING = 600.0
"""Seconds that a test of random examples may take: Hypothesis takes up to 300 to shrink one that fails, and would
report a time limit as a failure of the test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each Hypothesis test without a `timeout` marker 600 seconds, so that it can shrink and report an example
    that fails."""
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_SHRINKING))


def pytest_collection_finish() -> None:
    """Exempt all objects that exist once the tests are collected, such as modules and test items, from Python's garbage
    collector, as they stay to the end."""
    gc.collect()
    gc.freeze()
