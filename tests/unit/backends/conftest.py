"""Fixtures of the tests of backends."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def patience(patient_with_redis: None) -> None:
    """Give Redis more time to answer, in each test."""
