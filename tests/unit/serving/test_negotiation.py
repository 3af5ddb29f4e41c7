"""Content negotiation by media type and by coding (RFC 9110, 12.5.1 and 12.5.3)."""

from __future__ import annotations

import pytest

from tusd_py.serving.negotiation import preferred_type, takes_coding

OFFERED = ("application/x-ndjson", "text/csv", "application/json")
NDJSON, CSV, JSON = OFFERED


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", None),
        ("text/html", None),
        ("*/*", NDJSON),
        ("text/*", CSV),
        ("application/*", NDJSON),
        ("application/json", JSON),
        ("Application/JSON ; charset=utf-8", JSON),
        ("text/csv;header=present;q=0.9, application/json; q=0.8", CSV),
        ("text/csv;q=0.1, application/json;Q=0.2", JSON),
        ("text/csv, application/json", CSV),
        ("application/json, text/csv", JSON),
        ("application/json, text/plain, */*", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", NDJSON),
        ("*/*, application/x-ndjson;q=0", CSV),
        ("application/*;q=0.5, application/x-ndjson;q=0.2", JSON),
        ("application/json;q=0", None),
        ("*/*;q=0.000", None),
        ("text/csv;q=2, application/json", CSV),
        (",,;=;q=", None),
        (",".join(["a/b"] * 2000), None),
    ],
)
def test_the_preferred_type(accept: str, chosen: str | None) -> None:
    assert preferred_type(accept, OFFERED) == chosen


@pytest.mark.parametrize(
    ("field", "taken_coding"),
    [
        ("", False),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*", True),
        ("*;q=0, gzip", True),
        ("*;q=0", False),
        ("identity", False),
        ("not-gzip", False),
    ],
)
def test_a_coding_is_taken_above_weight_0(field: str, *, taken_coding: bool) -> None:
    assert takes_coding(field, "gzip") is taken_coding
