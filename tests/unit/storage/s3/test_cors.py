"""Which CORS rules a bucket needs, and what it lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusd_py.ports.direct import CorsRule
from tusd_py.storage.s3.cors import cors_rule, joined, missing, needed, origins_of, written_rule

APP, WIDE = "https://app.example.com", "https://*.example.com"


@pytest.mark.parametrize(
    ("pattern", "origins"),
    [
        (".*", ("*",)),
        (r"https://app\.example\.com", (APP,)),
        (r"^https://app\.example\.com$", (APP,)),
        ("https://app.example.com", (APP,)),
        (r"https://.*\.example\.com", (WIDE,)),
        (r"https://[^.]+\.example\.com", (WIDE,)),
        (r"https://a\.example|https://b\.example", ("https://a.example", "https://b.example")),
        (r"(https://a\.example|http://localhost:\d+)", ("https://a.example", "http://localhost:*")),
        (r"(?:https://a\.example)", ("https://a.example",)),
    ],
)
def test_origins_in_s3s_words(pattern: str, origins: tuple[str, ...]) -> None:
    assert origins_of(pattern) == origins


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "a|",
        "https?://a",
        r"http://localhost(:\d+)?",
        ".*a.*",
        "https://(a|b).c",
        "[ab]",
        "(?i)https://a",
        r"https://app*\.a",
    ],
)
def test_what_s3_has_no_words_for(pattern: str) -> None:
    with pytest.raises(ValueError, match="S3 has no words for"):
        origins_of(pattern)


def test_only_what_is_switched_on_is_needed() -> None:
    assert needed((APP,), uploads=False, downloads=False) == []
    (uploads,) = needed((APP,), uploads=True, downloads=False)
    assert (uploads.origins, uploads.methods, uploads.exposed) == ((APP,), ("PUT", "POST"), ("ETag", "Location"))
    _, downloads = needed((APP,), uploads=True, downloads=True)
    assert (downloads.origins, downloads.methods) == (("*",), ("GET", "HEAD"))


UPLOADS = needed((APP, WIDE), uploads=True, downloads=False)
OTHER = CorsRule(id="theirs", origins=(APP,), methods=("PUT",), headers=("*",))


def test_what_was_joined_lacks_nothing() -> None:
    assert not [*missing(UPLOADS, joined(UPLOADS, [OTHER]))]
    assert OTHER in joined(UPLOADS, [OTHER])
    assert joined(UPLOADS, joined(UPLOADS, [OTHER])) == joined(UPLOADS, [OTHER])


def test_a_wider_rule_will_do() -> None:
    wide = CorsRule(id="w", origins=("https://*",), methods=("PUT", "POST", "GET"), exposed=("etag", "Location", "X"))
    assert not [*missing(UPLOADS, [wide])]


def test_what_is_missing_is_said() -> None:
    assert [*missing(needed((APP,), uploads=True, downloads=False), [])] == [
        f"PUT from {APP} isn't allowed with any header",
        f"POST from {APP} isn't allowed with any header",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"origins": ("https://other",)},
        {"methods": ("GET",)},
        {"headers": ("content-type",)},
        {"exposed": ("Location",)},
    ],
)
def test_less_than_needed_is_noticed(change: dict[str, tuple[str, ...]]) -> None:
    assert [*missing(UPLOADS, [replace(UPLOADS[0], **change)])]  # type: ignore[arg-type]  # mypy can't see which


def test_the_first_rule_that_allows_is_the_one_that_counts() -> None:
    hidden = [f"PUT from {APP} doesn't expose ETag, Location"]
    assert [*missing(UPLOADS, [OTHER, *UPLOADS])] == hidden
    assert [*missing(UPLOADS, [replace(OTHER, headers=("content-type",)), *UPLOADS])] == hidden
    assert not [*missing(UPLOADS, [*UPLOADS, OTHER])]


def test_a_later_rule_may_allow_the_headers() -> None:
    """A first rule that allows too few headers does no harm if it exposes all: S3 chooses a preflight's rule by its
    headers, too, and the rule for the request itself without them."""
    narrow = replace(OTHER, headers=("content-type",), exposed=("ETag", "Location"))
    assert not [*missing(UPLOADS, [narrow, *UPLOADS])]


words = st.lists(st.text("abc*", min_size=1, max_size=5), max_size=3).map(tuple)
rules = st.builds(
    CorsRule,
    id=st.text("abc", max_size=3),
    origins=words,
    methods=words,
    headers=words,
    exposed=words,
    max_age=st.integers(0, 10),
)


@given(rules)
def test_a_rule_is_written_as_it_is_read(rule: CorsRule) -> None:
    assert cors_rule(written_rule(rule)) == rule


@given(st.lists(rules, max_size=3))
def test_installing_always_helps(existing: list[CorsRule]) -> None:
    assert not [*missing(UPLOADS, joined(UPLOADS, existing))]
