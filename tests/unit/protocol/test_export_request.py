"""The bodies of POST /exports that are taken: what the job's record keeps of them is bounded."""

from __future__ import annotations

import json

import pytest

from tusd_py.domain.job_faults import BadExport
from tusd_py.protocol.export_request import read_export


def body(**members: object) -> bytes:
    return json.dumps(members).encode()


@pytest.mark.parametrize("id_", ["a" * 32, "x", "", "~" * 64])
def test_an_id_that_no_upload_has_is_left_to_the_job(id_: str) -> None:
    assert read_export(body(ids=[id_]))["ids"] == [id_]


@pytest.mark.parametrize("id_", ["a" * 65, "é", "\x00", "a\n", 5])
def test_a_text_that_cant_be_an_id_is_refused(id_: object) -> None:
    with pytest.raises(BadExport):
        read_export(body(ids=["a" * 32, id_]))


def test_a_filter_has_16_kib_of_text() -> None:
    texts = {"kind": "k" * 1024, "owner": "ü" * 512, "meta": {"m" * 6144: "v" * 8192}}
    assert read_export(body(filter=texts))["filter"] == texts


@pytest.mark.parametrize(
    "members",
    [
        {"kind": "k" * 16385},
        {"owner": "ü" * 8193},
        {"meta": {"m" * 16385: ""}},
        {"meta": {"m": "v" * 8192, "n": "v" * 8191}},
    ],
)
def test_a_larger_filter_is_refused(members: dict[str, object]) -> None:
    with pytest.raises(BadExport):
        read_export(body(filter=members))
