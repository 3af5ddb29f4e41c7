"""The parser of forms, with python-multipart: an extra, so this module is only imported where forms are taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from tusd_py.domain.form_refusals import (
    BadForm,
    FieldsAfterFile,
    FieldsTooLarge,
    NoFile,
    TooManyFields,
    TooManyFiles,
)
from tusd_py.domain.refusals import Refusal
from tusd_py.protocol.parameters import parse_parameters
from tusd_py.protocol.plain.form import FileBegin, FormEvent, FormLimits, Mark
from tusd_py.protocol.plain.parts import FieldHead, FileHead, check_key, read_part_head

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MAX_HEADERS, _MAX_HEAD = 8, 4096
"""The most header fields of a part, and the most bytes of them."""
_PIECE = 256 * 1024
"""The most bytes that are parsed at a time. Too many bytes outside of the parts are noticed only after each piece, and
python-multipart takes a step for each byte of some malformed forms."""
_SPARE = 4096
"""Bytes of a form that may be neither content, header field nor boundary, mostly blanks and line breaks: so many in any
case, and so many more for each part that has begun."""
_EPILOGUE = 64 * 1024
"""Bytes that may follow the final boundary, in addition to those of the piece that the boundary ends in."""
_MATCHES = 16
"""Times that python-multipart may read the last byte of a form's boundary, to complete a match, in addition to once
for each part and for each piece that is parsed (`_PIECE`)."""


class _Delimiter(bytes):
    """A boundary whose last byte python-multipart may read, to complete a match, as many more times as `remaining`
    says; the next time raises BadForm. Only reads by the byte's index count: a version of python-multipart that matches
    the boundary and its line break at once makes no such read. `FormParser` adds one to `remaining` for each part of
    the form, and for each piece of bytes that it parses.

    A line that begins with the boundary, but goes on with other bytes, costs python-multipart as much as a thousand
    other bytes, so that few such lines, which RFC 2046, 5.1.1, forbids, are allowed.
    """

    remaining: int

    def __getitem__(self, index: Any) -> Any:
        """Return a byte or a slice. Each access to the last byte by its index from the start takes one from
        `remaining`, or raises BadForm if none is left: python-multipart reads that byte once all bytes before it
        have matched.
        """
        if index == len(self) - 1:
            self.remaining -= 1
            if self.remaining < 0:
                raise BadForm("the content of the form has lines that begin with its boundary")
        return super().__getitem__(index)


class FormParser:
    """A `Parser` of the form that a Content-Type announces. The constructor raises BadForm if the Content-Type has no
    usable boundary."""

    def __init__(self, content_type: str, limits: FormLimits) -> None:
        self._limits, boundary = limits, _boundary(content_type)
        self._events: list[FormEvent] = []
        self._fields: dict[str, bytes] = {}
        self._name, self._value, self._head = bytearray(), bytearray(), list[tuple[bytes, bytes]]()
        self._field_count = self._field_bytes = self._key_bytes = 0
        self._files = self._nameless = 0
        self._part: FieldHead | FileHead | None = None
        self._file_open = self._ended = False
        """`_file_open` is True once the file of the part has begun, `_ended` once the final boundary has come."""
        self._piece, self._view = b"", memoryview(b"")
        self._spare, self._spare_each = _SPARE, _SPARE + len(boundary)
        self._epilogue = _EPILOGUE
        try:
            self._parser = MultipartParser(
                boundary, self._callbacks(), max_header_count=_MAX_HEADERS, max_header_size=_MAX_HEAD
            )
        except FormParserError:
            raise BadForm("the boundary of the form is too long") from None
        self._delimiter = self._parser.boundary = _Delimiter(self._parser.boundary)
        self._delimiter.remaining = _MATCHES

    def feed(self, chunk: bytes | memoryview) -> Sequence[FormEvent]:
        self._events = []
        try:
            for self._view in _pieces(memoryview(chunk)):
                self._write(bytes(self._view))
        except FormParserError:
            self._events.append(BadForm("the form is malformed"))
        except Refusal as refusal:
            self._events.append(refusal)
        return self._events

    def _write(self, piece: bytes) -> None:
        if self._ended:
            self._epilogue -= len(piece)
        else:
            self._piece = piece
            self._delimiter.remaining += (
                1  # its last byte may be compared first, if the piece before ended with the rest
            )
            self._spare -= len(piece)
            self._parser.write(piece)
        if self._epilogue < 0 or (self._spare < 0 and not self._ended):
            raise BadForm("the form has too many bytes outside of its parts")

    def _callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_name,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_head,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
            "on_end": self._end_form,
        }

    def _begin_part(self) -> None:
        self._spare += self._spare_each
        self._delimiter.remaining += 1
        self._head, self._part, self._file_open = [], None, False

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._spare += end - start

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._spare += end - start

    def _end_header(self) -> None:
        self._head.append((bytes(self._name), bytes(self._value)))
        self._name.clear()
        self._value.clear()
        if sum(len(name) + len(value) for name, value in self._head) > _MAX_HEAD:
            raise BadForm(f"a part of the form has more than {_MAX_HEAD} bytes of header fields")

    def _end_head(self) -> None:
        self._part = read_part_head(self._head)
        if isinstance(self._part, FieldHead):
            self._begin_field(self._part.key)
        elif "filename" in self._part.metadata:
            self._begin_file(self._part)

    def _begin_field(self, key: str) -> None:
        if self._files:
            raise FieldsAfterFile
        self._field_count += 1
        if self._field_count > self._limits.max_fields:
            raise TooManyFields(f"the form has more than {self._limits.max_fields} fields")
        check_key(key)
        self._key_bytes += len(key)
        self._check_field_bytes()
        self._value.clear()

    def _begin_file(self, head: FileHead) -> None:
        self._file_open = True
        self._files += 1
        self._check_count(self._files)
        self._events.append(FileBegin(metadata={**self._fields, **head.metadata}))

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self._spare += end - start
        if isinstance(self._part, FieldHead):
            self._field_bytes += end - start
            self._check_field_bytes()
            self._value += data[start:end]
        elif self._part is not None:
            if not self._file_open:
                self._begin_file(self._part)
            self._events.append(self._view[start:end] if data is self._piece else data[start:end])

    def _check_field_bytes(self) -> None:
        if max(self._field_bytes, self._key_bytes) > self._limits.max_field_bytes:
            raise FieldsTooLarge(f"the fields of the form have more than {self._limits.max_field_bytes} bytes")

    def _end_part(self) -> None:
        if isinstance(self._part, FieldHead):
            self._fields[self._part.key] = bytes(self._value)
            self._value.clear()
        elif self._file_open:
            self._events.append(Mark.FILE)
        else:
            self._pass_over()

    def _pass_over(self) -> None:
        """Count a part without a file: a file input in which the user chose none. Such parts are counted apart from
        the files. Raises TooManyFiles if they are more than the form may have files."""
        self._nameless += 1
        self._check_count(self._nameless)

    def _check_count(self, files: int) -> None:
        if files > self._limits.max_files:
            raise TooManyFiles(f"the form has more than {self._limits.max_files} files: send several forms")

    def _end_form(self) -> None:
        if not self._files:
            raise NoFile
        self._ended = True
        self._events.append(Mark.FORM)


def _boundary(content_type: str) -> bytes:
    parsed = parse_parameters(content_type)
    boundary = "" if parsed is None else parsed[1].get("boundary", "")
    if not boundary:
        raise BadForm("Content-Type has no boundary, or can't be read")
    return boundary.encode("utf-8", "surrogateescape")


def _pieces(view: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(view), _PIECE):
        yield view[start : start + _PIECE]
