"""The heads of a form's parts: fields and files (RFC 7578, 4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tusd_py.domain.form_refusals import BadField, BadForm
from tusd_py.domain.names import base_name, is_metadata_key
from tusd_py.protocol.parameters import parse_parameters
from tusd_py.protocol.plain.names import unescape

_ENCODED = ("base64", "quoted-printable")
"""Transfer encodings that change bytes, for which forms are refused; RFC 7578, 4.7, deprecates them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldHead:
    """The head of a part without a file name: a field."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHead:
    """The head of a part with a file name, even an empty one: a file."""

    metadata: Mapping[str, bytes]
    """The file's name without folders (`filename`) and the part's Content-Type (`filetype`), each only if it isn't
    empty."""


def read_part_head(fields: Sequence[tuple[bytes, bytes]]) -> FieldHead | FileHead:
    """Return the head of a part with these header fields, as pairs of name and value. Raises BadForm."""
    by_name = {name.lower(): value.decode("utf-8", "surrogateescape") for name, value in fields}
    if len(by_name) < len(fields):
        raise BadForm("a part of the form has a header field twice")
    if by_name.get(b"content-transfer-encoding", "").strip(" \t").lower() in _ENCODED:
        raise BadForm("send files as they are, without Content-Transfer-Encoding")
    parameters = _parameters(by_name.get(b"content-disposition", ""))
    if "filename" not in parameters:
        return FieldHead(key=unescape(parameters["name"]))
    values = {"filename": base_name(unescape(parameters["filename"])), "filetype": by_name.get(b"content-type", "")}
    return FileHead(metadata={key: value.encode("utf-8", "surrogateescape") for key, value in values.items() if value})


def check_key(key: str) -> None:
    """Raise BadField if the name of a form's field can't be a metadata key."""
    if not is_metadata_key(key):
        raise BadField


def _parameters(disposition: str) -> Mapping[str, str]:
    parsed = parse_parameters(disposition)
    if parsed is None or parsed[0] != "form-data" or "name" not in parsed[1]:
        raise BadForm("each part of the form needs Content-Disposition: form-data with a name")
    return parsed[1]
