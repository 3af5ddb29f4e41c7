"""The pauses between the attempts at a job."""

from __future__ import annotations

import pytest

from tests.support.jobs import job
from tusd_py.domain.job_life import retry


@pytest.mark.parametrize(
    ("attempt", "pause", "to_record"),
    [(1, 1, 1), (2, 2, 2), (7, 64, 64), (8, 128, 64), (13, 3600, 64), (5000, 3600, 64)],
)
def test_pauses_double_up_to_a_limit(attempt: int, pause: float, to_record: float) -> None:
    assert retry(job(attempt=attempt), 5.0).due_at == 5.0 + pause
    assert retry(job(attempt=attempt, result={}), 5.0).due_at == 5.0 + to_record
