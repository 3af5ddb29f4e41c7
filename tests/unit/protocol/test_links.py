"""Names of uploads for readers: only their installation knows the ids behind them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tusd_py.domain.upload_id import UploadId
from tusd_py.protocol.links import ReadLinks

IDS = st.binary(min_size=16, max_size=16).map(lambda raw: UploadId(raw.hex()))
OURS, THEIRS = ReadLinks("1" * 32), ReadLinks("2" * 32)


@given(IDS)
def test_link_name_round_trips_and_is_stable(upload_id: UploadId) -> None:
    name = OURS.name(upload_id)
    assert (OURS.upload_id(name), len(name)) == (upload_id, 43)
    assert ReadLinks("1" * 32).name(upload_id) == name


@given(IDS)
def test_it_is_worth_nothing_to_another_installation(upload_id: UploadId) -> None:
    assert THEIRS.upload_id(OURS.name(upload_id)) is None
    assert THEIRS.name(upload_id) != OURS.name(upload_id)


@given(IDS, st.data())
def test_no_letter_of_it_can_be_changed(upload_id: UploadId, data: st.DataObject) -> None:
    name = OURS.name(upload_id)
    at = data.draw(st.integers(0, len(name) - 1))
    substitute = data.draw(st.characters().filter(lambda letter: letter != name[at]))
    assert OURS.upload_id(name[:at] + substitute + name[at + 1 :]) is None
    assert OURS.upload_id(name[:at] + name[at + 1 :]) is None
    assert OURS.upload_id(name[:at] + substitute + name[at:]) is None


@given(st.text() | st.binary(max_size=80).map(bytes.hex))
def test_what_was_made_up_is_none(name: str) -> None:
    assert OURS.upload_id(name) is None


@given(IDS, IDS)
def test_names_of_ids_that_are_alike_have_nothing_in_common(first: UploadId, second: UploadId) -> None:
    """The names of two uploads in reading links differ in their first and in their last 21 characters, however alike
    the ids are."""
    if first != second:
        assert OURS.name(first)[:21] != OURS.name(second)[:21]
        assert OURS.name(first)[22:] != OURS.name(second)[22:]
