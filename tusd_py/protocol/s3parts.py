"""The reader of the parts in a CompleteMultipartUpload request, with expat (S3 API Reference).

Documents with a DOCTYPE are refused: there are no entities to expand. Time and memory are linear in the body.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.parsers.expat import ExpatError, ParserCreate

from tusd_py.domain.direct import DirectPart
from tusd_py.domain.numbers import parse_integer
from tusd_py.domain.refusals import Malformed

_MAX_PARTS = 10_000
_MAX_VALUE_LENGTH = 1024
"""Characters of a part number or an ETag."""
_FIELDS = ("PartNumber", "ETag")


def read_parts(body: bytes) -> Sequence[DirectPart]:
    """Return the parts that the XML document lists, in its order. Raises Malformed."""
    reader = _Reader()
    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(body, True)
    except ExpatError as error:
        raise Malformed("send an XML document") from error
    return reader.parts


def _refuse_doctype(*_: object) -> None:
    raise Malformed("the XML can't have a DOCTYPE")


class _Reader:
    """The handlers of expat that collect PartNumber and ETag of each Part; all other elements are ignored. They
    raise Malformed for a Part that lacks either, for a value that is too long, for a PartNumber that is no
    number, and for too many parts.
    """

    def __init__(self) -> None:
        self.parts: list[DirectPart] = []
        self._fields: dict[str, str] | None = None
        """The texts of the part that is being read, by element; None outside a part."""
        self._field: str | None = None

    def start(self, name: str, _attributes: object) -> None:
        if name == "Part":
            self._fields = {}
        self._field = name if name in _FIELDS and self._fields is not None else None

    def text(self, text: str) -> None:
        if self._field is None or self._fields is None:
            return
        so_far = self._fields.get(self._field, "")
        if len(so_far) + len(text) > _MAX_VALUE_LENGTH:
            raise Malformed(f"{self._field} is too long")
        self._fields[self._field] = so_far + text

    def end(self, name: str) -> None:
        self._field = None
        if name == "Part" and self._fields is not None:
            self._add(self._fields)
            self._fields = None

    def _add(self, fields: dict[str, str]) -> None:
        number, etag = (fields.get(field, "").strip() for field in _FIELDS)
        if not number or not etag:
            raise Malformed("each part needs a PartNumber and an ETag")
        if len(self.parts) == _MAX_PARTS:
            raise Malformed(f"an upload has {_MAX_PARTS} parts at most")
        self.parts.append(DirectPart(number=parse_integer("PartNumber", number), etag=etag.strip('"')))
