"""Jobs as the text that the states hold."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.jobs import job
from tusd_py.domain.job_json import decode_job, encode_job
from tusd_py.domain.principal import NO_ALLOWANCE, Allowance, Grant, Quota

LIMITS = Allowance(max_length=5, types=("image/*",), key_prefix="a/", quota=Quota(max_bytes=7))
OWN = replace(LIMITS, metadata={"a": b"\xff"}, name="a", grant=Grant(jti="a", max_uses=1, expires_at=1.0))


@pytest.mark.parametrize("allowance", [NO_ALLOWANCE, LIMITS, OWN.for_jobs()])
def test_a_job_keeps_the_limits_of_what_it_makes(allowance: Allowance) -> None:
    stored = encode_job(job(allowance=allowance))
    assert decode_job(stored) == job(allowance=allowance)
    assert encode_job(decode_job(stored)) == stored


def test_only_limits_of_all_uploads_bind_what_jobs_make() -> None:
    assert OWN.for_jobs() == LIMITS


def test_a_job_of_an_earlier_version_has_no_limits() -> None:
    document = json.loads(encode_job(job(allowance=LIMITS)))
    del document["allowance"], document["required"]
    assert decode_job(json.dumps(document)) == job()


def test_limits_of_a_newer_version_are_passed_over() -> None:
    stored = json.loads(encode_job(job(allowance=LIMITS)))
    stored["allowance"]["quota"]["max_files"] = 9
    stored["allowance"]["colour"] = "red"
    assert decode_job(json.dumps(stored)) == job(allowance=LIMITS)
