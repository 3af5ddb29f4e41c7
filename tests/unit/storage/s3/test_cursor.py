"""Parts that count as the same, and the entry that a part is kept as."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tusd_py.storage.s3.cursor import Part, S3Cursor
from tusd_py.storage.s3.grid import Grid

PART = Part(number=1, length=8, etag="e", crc="c")
PLAIN = replace(PART, crc=None)


def test_parts_match_by_length_and_checksum_or_etag() -> None:
    assert PART.same_as(PART)
    assert PART.same_as(replace(PART, etag="other"))
    assert PLAIN.same_as(PLAIN)
    assert PART.same_as(replace(PART, crc="other"))


def test_parts_that_agree_in_less_are_not_the_same() -> None:
    assert not PART.same_as(replace(PART, length=9))
    assert not PART.same_as(replace(PART, length=9, etag="other"))
    assert not PART.same_as(replace(PART, etag="other", crc="other"))
    assert not PLAIN.same_as(replace(PLAIN, etag="other"))
    assert not PART.same_as(replace(PLAIN, etag="other"))


def test_a_part_comes_back_from_its_entry() -> None:
    for part in (PART, PLAIN):
        assert Part.from_entry(part.to_entry()) == part
    assert set(PLAIN.to_entry()) == {"n", "len", "etag"}


@pytest.mark.parametrize(
    ("fields", "started"),
    [
        ({}, False),
        ({"multipart": "m"}, True),
        ({"etag": "e"}, True),
        ({"info": "i"}, True),
        ({"etag": "e", "info": "i"}, True),
    ],
)
def test_a_cursor_tells_if_s3_has_something(fields: dict[str, Any], *, started: bool) -> None:
    assert S3Cursor(key="k", grid=Grid(base=8), **fields).started is started
