"""Keys in the bucket, and what they tell of uploads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.uploads import upload
from tusd_py.storage.s3.keys import is_key_of_another, object_key

ID, OTHER = "0" * 31 + "1", "f" * 32


@pytest.mark.parametrize(
    ("template", "key", "is_taken"),
    [
        ("{id}", OTHER, True),
        ("{id}", f"{OTHER}.bin", False),
        ("{id}.bin", f"{OTHER}.bin", True),
        ("{id}.bin", OTHER, False),
        ("{year}/{id}", f"2026/{OTHER}", True),
        ("{year}/{id}", f"x/{OTHER}", False),
        ("{year}/{id}", f"2026/{ID}", False),
        ("{id}-{filename}", f"{OTHER}-a.b", True),
        ("{id}-{filename}", f"{OTHER}-a/b", False),
        ("{id}/{id}", f"{OTHER}/{OTHER}", True),
        ("{id}/{id}", f"{OTHER}/{ID}", False),
    ],
)
def test_a_chosen_key_in_the_form_of_another_upload(template: str, key: str, is_taken: bool) -> None:  # noqa: FBT001
    chosen = replace(upload(), place=key)
    stored_key = object_key(chosen, prefix="p/", template=template)
    assert stored_key == f"p/{key}"
    assert is_key_of_another(stored_key, chosen.id, prefix="p/", template=template) is is_taken


@pytest.mark.parametrize("template", ["{id}", "{year}/{id}/{filename}", "{filename}-{id}", "{id}/{filename}-{id}"])
def test_the_key_that_the_template_makes_is_its_own(template: str) -> None:
    plain = replace(upload(), metadata={"filename": b"a b.bin"})
    key = object_key(plain, prefix="p/", template=template)
    assert not is_key_of_another(key, plain.id, prefix="p/", template=template)
