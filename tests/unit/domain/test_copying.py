"""A copy by `copy_with` is the one that `dataclasses.replace` makes."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from tests.support.uploads import upload
from tusd_py.domain.copying import copy_with
from tusd_py.domain.upload import Upload


@pytest.mark.parametrize("name", [field.name for field in fields(Upload)])
def test_one_attribute_changes(name: str) -> None:
    before = upload()
    attributes = dict(vars(before))
    changes: dict[str, object] = {name: "other"}
    assert vars(copy_with(before, **changes)) == vars(replace(before, **changes)) == {**attributes, **changes}  # type: ignore[arg-type]
    assert vars(before) == attributes


def test_a_copy_without_changes_is_equal() -> None:
    before = upload()
    assert copy_with(before) == before
    assert copy_with(before) is not before


def test_a_record_with_slots_is_refused() -> None:
    with pytest.raises(AttributeError):
        copy_with(upload().times, updated_at=2.0)
