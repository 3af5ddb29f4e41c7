"""Each parser and each regular expression that reads a request's text takes linear time, up to the longest text that is
let in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from multidict import CIMultiDict

from tests.unit.linear.expressions import IN_PARSERS, on_the_way, uses
from tests.unit.linear.oracle import PIECES, SPECIAL, TIMES, is_linear, pairs, slow
from tests.unit.linear.parsers import FIELD, PARSERS
from tusd_py.http import translation


@pytest.mark.parametrize("name", [name for name in on_the_way() if name not in IN_PARSERS])
def test_an_expression_is_linear(name: str) -> None:
    assert uses(name), "it is used in no way that is known: test it in its parser"
    for use in uses(name):
        assert slow(use, pieces=pairs(PIECES)) == []
        assert slow(use, FIELD) == []


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_is_linear(name: str) -> None:
    parser = PARSERS[name]
    assert slow(parser.use, pieces=pairs(SPECIAL)) == []
    assert slow(parser.use, parser.longest) == []


def test_a_field_in_many_lines_is_joined_in_linear_time() -> None:
    def join(text: str) -> Mapping[str, str]:
        return translation.combine_lines(CIMultiDict(("A", line) for line in text.split("\n")))

    short, long = ("\n".join(["x" * 500] * count) for count in (1_000, 1_000 * TIMES))
    assert join("a\nb\nc") == {"A": "a, b, c"}
    assert is_linear(join, short, long)


def test_what_is_tested_in_a_parser_is_there() -> None:
    assert set(IN_PARSERS) <= set(on_the_way())
    assert set(IN_PARSERS.values()) <= set(PARSERS)


@pytest.mark.parametrize("bad", [r"[ \t]*,[ \t,]*x", r"\?[^ ]*X-", r"(?:\s|a)*="])
def test_the_oracle_finds_what_is_not_linear(bad: str) -> None:
    pattern = re.compile(bad)
    assert slow(pattern.search, pieces=pairs(SPECIAL))


def test_oracle_finds_slowness_of_long_fields_only() -> None:
    """The oracle finds that a function takes quadratic time from a text of 256 Ki commas, but not from texts of 4
    KiB."""

    def split(text: str) -> list[str]:
        parts = [""]
        for piece in text.split(","):
            parts[-1] += "," + piece
        return parts

    assert slow(split, pieces=pairs(SPECIAL)) == []
    assert slow(split, FIELD, pieces=",")
