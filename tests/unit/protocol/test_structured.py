"""Structured fields (RFC 9651)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusd_py.protocol.structured import LONGEST, encode_dictionary, parse_boolean, parse_dictionary, parse_integer


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("007", 7), (" 5 ", 5), ("5;a=1", 5), ("999999999999999", 999999999999999)],
)
def test_integers(text: str, value: int) -> None:
    assert parse_integer(text) == value


@pytest.mark.parametrize("text", [None, "", "-1", "1.5", "?1", '"1"', "1,2", "1 2", "1" * 16, "\u0661", "one", "1;"])
def test_anything_else_is_no_integer(text: str | None) -> None:
    assert parse_integer(text) is None


@pytest.mark.parametrize(("text", "value"), [("?1", True), ("?0", False), ("?1;really", True)])
def test_booleans(text: str, *, value: bool) -> None:
    assert parse_boolean(text) is value


@pytest.mark.parametrize("text", [None, "", "1", "true", "?2", "?1, ?0", "\u00e91", "?"])
def test_anything_else_is_no_boolean(text: str | None) -> None:
    assert parse_boolean(text) is None


def test_dictionaries() -> None:
    assert parse_dictionary("a=1;q=5, b=:AAA=:, c") == {"a": 1, "b": b"\x00\x00", "c": True}
    assert parse_dictionary("a=1, a=2") == {"a": 2}
    assert parse_dictionary("") == {}
    assert parse_dictionary("a=") is None


def test_a_field_that_is_too_long_is_as_if_missing() -> None:
    longest = "1;a=" + "b" * (LONGEST - 4)
    assert parse_integer(longest) == 1
    assert parse_integer(longest + "b") is None


KEYS = st.from_regex("[a-z][a-z0-9-]{0,8}", fullmatch=True)
MEMBERS = st.dictionaries(KEYS, st.integers(0, 10**15 - 1) | st.binary(), min_size=1)


@given(MEMBERS)
def test_what_is_written_can_be_read(members: dict[str, int | bytes]) -> None:
    assert parse_dictionary(encode_dictionary(members)) == members


@given(st.text())
def test_any_text_is_read_or_passed_over(text: str) -> None:
    for parse in (parse_integer, parse_boolean, parse_dictionary):
        parse(text)
