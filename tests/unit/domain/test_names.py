"""The texts that clients, hooks and operators choose as names of uploads, keys of objects, keys of metadata and ranges
of types (`image/*`): the ones that are allowed."""

from __future__ import annotations

import pytest

from tusd_py.domain.names import is_hidden, is_metadata_key, is_name, is_place, is_type_range

ID = "0123456789abcdef" * 2


@pytest.mark.parametrize("name", ["a", "a/b", "2026/Team-1/x_y.~z", "...", "a..b", "a" * 255, ID.upper(), f"a/{ID}"])
def test_an_upload_may_have_the_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "a b", "ä", "a\n", "a%2F", "a" * 256, ID]
)
def test_an_upload_may_not_have_the_name(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    "place", ["a", "a b/ü.txt", "...", ".a/b", f"a/{ID}", "read/a", "ä" * 127, "/".join("a" * 256)]
)
def test_an_object_may_be_at_the_place(place: str) -> None:
    assert is_place(place)


@pytest.mark.parametrize(
    "place",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "..",
        "a/./b",
        "../a",
        "a\0",
        "a\nb",
        ".tusd-py",
        ".tusd-py/a",
        "ä" * 128,
        "a/" * 256,
        ID,
    ],
)
def test_an_object_may_not_be_at_the_place(place: str) -> None:
    assert not is_place(place)


@pytest.mark.parametrize(
    ("name", "base_path", "hidden"),
    [
        ("jobs", "/", True),
        ("jobs/1", "/", True),
        ("healthz", "/", True),
        ("jobs1", "/", False),
        ("a/jobs", "/", False),
        ("jobs/1", "/files/", False),
    ],
)
def test_the_servers_own_routes_hide_names(name: str, base_path: str, *, hidden: bool) -> None:
    assert is_hidden(name, base_path) is hidden


@pytest.mark.parametrize(
    ("key", "fits"), [("filename", True), ("a=b", True), ("", False), ("a b", False), ("ä", False)]
)
def test_a_key_is_visible_ascii(key: str, *, fits: bool) -> None:
    assert is_metadata_key(key) is fits
    assert not is_metadata_key(f"{key},")


@pytest.mark.parametrize("text", ["image/*", "*/*", "application/pdf", "application/vnd.a+json"])
def test_a_range_is_a_type_a_group_or_all(text: str) -> None:
    assert is_type_range(text)


@pytest.mark.parametrize("text", ["", "*", "image", "image/", "*/png", "image/p*", "Image/png", "a/b;c=d"])
def test_other_text_is_no_range(text: str) -> None:
    assert not is_type_range(text)
