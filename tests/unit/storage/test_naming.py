"""Names of finished objects on a disk."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.uploads import upload
from tusd_py.storage.naming import expand, is_path, path_of, sanitize

DEVICES = {"con", "prn", "aux", "nul", "com0", "com9", "lpt1"}


@pytest.mark.parametrize(
    ("filename", "tamed"),
    [
        ("фильм.mp4", "фильм.mp4"),
        ("日本語.pdf", "日本語.pdf"),
        ("हिन्दी.txt", "हिन्दी.txt"),
        ("Grüße (1) 🎉.tar.gz", "Grüße__1.tar.gz"),
        ("🎉.mp4", "file.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.doc", "y.doc"),
        ("..", "file"),
        ("", "file"),
        (".htaccess", "htaccess"),
        (".tusd-py", "tusd-py"),
        ("-rf", "rf"),
        ("a\0b\n\x1b.txt", "a_b.txt"),
        ("exe\u202etxt.a", "exe_txt.a"),
        ("$(id);`x`.sh", "id___x.sh"),
        ("a.", "a"),
        ("nul", "_nul"),
        ("COM1.tar.gz", "_COM1.tar.gz"),
        ("com².txt", "_com².txt"),
        ("con." + "x" * 195, "_con." + "x" * 195),
        ("con." + "x" * 196, "_on." + "x" * 196),
        ("context.txt", "context.txt"),
        ("x" * 300 + ".mp4", "x" * 196 + ".mp4"),
        ("ж" * 300 + ".mp4", "ж" * 98 + ".mp4"),
    ],
)
def test_a_name_keeps_its_letters_and_its_extension(filename: str, tamed: str) -> None:
    assert sanitize(filename) == tamed


@given(st.text(max_size=300))
def test_sanitized_name_is_inert(filename: str) -> None:
    """A sanitized name, of 1 to 200 bytes, has nothing with a special meaning to a path, a shell or a file system."""
    tamed = sanitize(filename)
    assert 0 < len(tamed.encode()) <= 200
    assert not re.search(r"[\x00-\x2c/:;<=>?@\[\\\]^`{|}~\x7f-\x9f\u202a-\u202e]", tamed)
    assert tamed[0] not in ".-"
    assert tamed[-1] != "."
    assert tamed.partition(".")[0].lower() not in DEVICES
    assert expand("{filename}", upload(metadata={"filename": tamed.encode()}), sanitize).isprintable()


@pytest.mark.parametrize(
    "template",
    [
        "{id}",
        "{id}/{filename}",
        "{year}/{month}/{day}/{hour}/{id}-{filename}",
        "a b/ü/{id}.{filename}",
        "{id}/x",
        "x-{id}",
    ],
)
def test_a_template_that_makes_paths(template: str) -> None:
    assert is_path(template)


@pytest.mark.parametrize(
    "template",
    [
        "{filename}/{id}",
        "x{filename}/{id}",
        ".tusd-py/{id}",
        ".{filename}-{id}",
        "a/.{id}",
        "./{id}",
        "a//{id}",
        "{id}/",
        "{id}" + "x" * 224,
        "{id}/" + "ж" * 28 + "{filename}",
    ],
)
def test_a_template_that_does_not(template: str) -> None:
    assert not is_path(template)


@pytest.mark.parametrize("filename", ["x" * 300, "ж" * 150 + ".txt", "CON", "com¹." + "x" * 300, ""])
@pytest.mark.parametrize("prefix", ["", "team/", "p" * 26, "team/" + "p" * 191])
@pytest.mark.parametrize("template", ["{id}-{filename}", "{year}/{id}" + "x" * 23 + "{filename}", "{id}"])
def test_a_path_has_no_name_that_is_too_long(filename: str, prefix: str, template: str) -> None:
    path = path_of(template, upload(metadata={"filename": filename.encode()}, key_prefix=prefix))
    assert path.startswith(prefix)
    assert max(len(name.encode()) for name in path.split("/")) <= 255
    assert ("{filename}" in template) == (len(path) > len(expand(template, upload(key_prefix=prefix), lambda _: "")))
