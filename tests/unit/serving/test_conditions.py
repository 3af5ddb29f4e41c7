"""Conditional requests (RFC 9110, 13): each header field alone, then their precedence."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from tusd_py.serving.conditions import failed_precondition, range_applies
from tusd_py.serving.dates import format_http_date

ETAG, MODIFIED = "v1", 1_700_000_000
BEFORE, SAME, AFTER = (format_http_date(MODIFIED + delta) for delta in (-1, 0, 1))


def judge(**headers: str) -> int | None:
    return failed_precondition(request(**headers), ETAG, MODIFIED)


def request(**headers: str) -> CIMultiDict[str]:
    return CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})


def test_without_conditions_it_goes_on() -> None:
    assert judge() is None


@pytest.mark.parametrize("tags", ['"v1"', "*", '"x", "v1"', '"x","y" ,"v1",', '"a,b", "v1"'])
def test_if_match_that_names_it_goes_on(tags: str) -> None:
    assert judge(if_match=tags) is None


@pytest.mark.parametrize("tags", ['"v2"', 'W/"v1"', "v1", "", '"v1', '"x" "v1"', '"a,v1,b"', '"v1"x', '"v1",*'])
def test_if_match_that_does_not_name_it_strongly_fails(tags: str) -> None:
    assert judge(if_match=tags) == 412


@pytest.mark.parametrize("tags", ['"v1"', 'W/"v1"', "*", " * ", '"x", W/"v1"', '"x",,"v1"'])
def test_if_none_match_that_names_it_even_weakly_is_not_modified(tags: str) -> None:
    assert judge(if_none_match=tags) == 304


@pytest.mark.parametrize("tags", ['"v2"', "v1", "", 'w/"v1"', '"v1W/"'])
def test_if_none_match_that_names_others_goes_on(tags: str) -> None:
    assert judge(if_none_match=tags) is None


@pytest.mark.parametrize(("date", "status"), [(BEFORE, None), (SAME, 304), (AFTER, 304), ("soon", None)])
def test_if_modified_since_compares_whole_seconds(date: str, status: int | None) -> None:
    """An object that hasn't changed after the date is a 304; a field that is no date is ignored."""
    assert judge(if_modified_since=date) == status


@pytest.mark.parametrize(("date", "status"), [(BEFORE, 412), (SAME, None), (AFTER, None), ("soon", None)])
def test_if_unmodified_since_fails_only_on_a_later_change(date: str, status: int | None) -> None:
    assert judge(if_unmodified_since=date) == status


def test_if_match_silences_if_unmodified_since() -> None:
    assert judge(if_match='"v1"', if_unmodified_since=BEFORE) is None


def test_if_none_match_silences_if_modified_since() -> None:
    assert judge(if_none_match='"v2"', if_modified_since=AFTER) is None


def test_failed_if_match_precedes_if_none_match() -> None:
    assert judge(if_match='"v2"', if_none_match='"v1"') == 412


def test_if_none_match_is_still_asked_after_if_match_held() -> None:
    assert judge(if_match='"v1"', if_none_match='"v1"') == 304


def test_a_hostile_list_of_tags_is_read_in_a_moment() -> None:
    assert judge(if_match='"a"' + " ," * 30_000 + "x") == 412


@pytest.mark.parametrize(
    ("value", "applies"),
    [
        ('"v1"', True),
        (SAME, True),
        ('"v2"', False),
        ('W/"v1"', False),
        ("v1", False),
        ("*", False),
        ('"v1", "v2"', False),
        (BEFORE, False),
        (AFTER, False),
    ],
)
def test_if_range_needs_the_exact_object(value: str, *, applies: bool) -> None:
    assert range_applies(request(if_range=value), ETAG, MODIFIED) is applies


def test_without_if_range_a_range_counts() -> None:
    assert range_applies(request(), ETAG, MODIFIED)
