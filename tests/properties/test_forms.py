"""A form of any content, cut into any pieces, is read as it was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plain.forms import BOUNDARY, Part, encoded, form_fields
from tusd_py.domain.form_refusals import BadForm, TooManyFiles
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.refusals import Refusal
from tusd_py.protocol.plain.form import FileBegin, FormEvent, FormLimits, Mark
from tusd_py.protocol.plain.form_parser import FormParser

DELIMITER = f"\r\n--{BOUNDARY}".encode()
CONTENT = st.lists(
    st.binary(max_size=20) | st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", DELIMITER[:-1], DELIMITER[:5]])
).map(b"".join)
NONSENSE = st.lists(st.sampled_from([DELIMITER, b"\r\n", b"--", b" ", b"a: b"])).map(b"".join)
NAMES = st.text("abcz09-_.", min_size=1, max_size=8)
FIELDS = st.lists(st.builds(Part, NAMES, CONTENT), max_size=4)
FILES = st.lists(st.builds(Part, NAMES, CONTENT, NAMES, st.none() | st.just("a/b")), min_size=1, max_size=4)
LIMITS = FormLimits(max_files=1000, max_fields=64, max_field_bytes=16 * 1024)
CUTS = st.lists(st.integers(1, 40))


def pieces(body: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Return the body in pieces of these lengths, as far as it reaches, and then the rest; pieces may be empty."""
    cut_pieces = list[bytes]()
    for cut in cuts:
        cut_pieces.append(body[:cut])
        body = body[cut:]
    return [*cut_pieces, body]


def read(body: bytes, cuts: Sequence[int] = (), **limits: int) -> list[FormEvent]:
    parser = FormParser(form_fields()["Content-Type"], replace(LIMITS, **limits))
    events = list[FormEvent]()
    for piece in pieces(body, cuts):
        events += parser.feed(memoryview(piece))
        if events and isinstance(events[-1], Refusal):
            break
    return events


def files(events: Sequence[FormEvent]) -> list[tuple[Metadata, bytes]]:
    """Return the metadata and the content of each file in the events of a form. Raises AssertionError for a refusal,
    and unless the last event is the end of the form."""
    parts = list[tuple[Metadata, bytes]]()
    content = bytearray()
    for event in events[:-1]:
        match event:
            case FileBegin(metadata=metadata):
                current, content = metadata, bytearray()
            case Mark.FILE:
                parts.append((current, bytes(content)))
            case bytes() | memoryview():
                content += event
            case _:
                raise AssertionError(event)
    assert events[-1] is Mark.FORM
    return parts


def expected(fields: Sequence[Part], parts: Sequence[Part]) -> list[tuple[Metadata, bytes]]:
    shared = {field.name: field.content for field in fields}
    own = [{"filename": part.filename, "filetype": part.kind} for part in parts]
    texts = [{key: text.encode() for key, text in described.items() if text} for described in own]
    return [({**shared, **values}, part.content) for values, part in zip(texts, parts, strict=True)]


@given(FIELDS, FILES, CUTS, st.sampled_from([b"", b"\r\n", b"\r\n--epilogue\r\n"]))
def test_a_form_is_read_as_it_was_written(
    fields: Sequence[Part], parts: Sequence[Part], cuts: Sequence[int], epilogue: bytes
) -> None:
    assert files(read(encoded([*fields, *parts]) + epilogue, cuts)) == expected(fields, parts)


@given(st.binary(max_size=200) | NONSENSE, CUTS)
def test_any_bytes_are_read_or_refused_wherever_they_are_cut(body: bytes, cuts: Sequence[int]) -> None:
    whole = read(body)
    cut = read(body, cuts)
    assert [type(event) for event in cut if isinstance(event, Refusal)] == [
        type(event) for event in whole if isinstance(event, Refusal)
    ]


@given(FILES, CUTS, st.data())
def test_a_form_that_is_cut_has_no_end(parts: Sequence[Part], cuts: Sequence[int], data: st.DataObject) -> None:
    body = encoded(parts)
    events = read(body[: data.draw(st.integers(0, len(body) - len("--\r\n")))], cuts)
    assert Mark.FORM not in events
    assert not any(isinstance(event, Refusal) for event in events)


def test_a_million_tiny_parts_are_refused_soon() -> None:
    tiny = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n\r\n".encode()
    events = read(tiny * 20_000, max_files=1000)
    assert isinstance(events[-1], TooManyFiles)
    assert len(events) == 2001


@pytest.mark.parametrize("padding", [b" " * 300_000, b"\t" * 300_000])
def test_a_padded_boundary_is_refused(padding: bytes) -> None:
    events = read(encoded([Part("a", b"b", "c")]).replace(b"--\r\n", padding))
    assert isinstance(events[-1], BadForm)


def test_partial_boundary_at_each_piece_end() -> None:
    content = DELIMITER[:-1] * 1000
    body = encoded([Part("a", content, "b")])
    begin = body.index(content)
    cuts = [begin + len(DELIMITER) - 1, *([len(DELIMITER) - 1] * 900)]
    assert files(read(body, cuts)) == [({"filename": b"b"}, content)]
