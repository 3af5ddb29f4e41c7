"""The reader of the body of POST /exports. An export is a job that makes one upload of many: a ZIP archive that
contains them, or a list of them in NDJSON or CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tusd_py.domain.job_faults import BadExport
from tusd_py.domain.refusals import Malformed
from tusd_py.domain.selection import UploadSelection
from tusd_py.protocol.companion import read_json

FORMATS = ("zip", "ndjson", "csv")
COMPRESSIONS = ("auto", "store", "deflate")
_MOST_IDS = 100_000
_LONGEST_ID = 64
"""The most characters that a text in `ids` may have: more than any upload's id has, but few, as the job's record keeps
all of them and is read often."""
_LONGEST_NAME = 255
_LARGEST_FILTER = 16 * 1024
"""The most bytes that the texts of a filter, with the keys of its metadata, may have together: the job's record keeps
the filter."""
_MEMBERS = frozenset({"ids", "filter", "format", "compress", "filename"})
_FILTER = frozenset({"phase", "kind", "owner", "meta"})


def read_export(body: bytes) -> Mapping[str, Any]:
    """Return the arguments of the export job that the body asks for, with defaults: `format`, `compress`, `filename`,
    and either `ids` of uploads or a `filter` that selects them. Raises BadExport."""
    try:
        message = read_json(body)
    except Malformed as error:
        raise BadExport(error.message) from None
    if message.keys() - _MEMBERS or ("ids" in message) == ("filter" in message):
        raise BadExport("send either ids or filter, and format, compress, filename if wanted")
    form = _word(message, "format", FORMATS)
    common = {
        "format": form,
        "compress": _word(message, "compress", COMPRESSIONS),
        "filename": _text(message.get("filename", f"export.{form}"), "filename", _LONGEST_NAME),
    }
    if "ids" in message:
        return {"ids": _ids(message["ids"]), **common}
    return {"filter": _filter(message["filter"]), **common}


def selection_of(members: Mapping[str, Any]) -> UploadSelection:
    """Return the selection that an export's `filter` stands for: of finished uploads alone."""
    metadata = tuple((key, value.encode()) for key, value in members.get("meta", {}).items())
    return UploadSelection(
        phases=frozenset({"done"}), kind=members.get("kind"), owner=members.get("owner"), metadata=metadata
    )


def _ids(value: object) -> list[str]:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_IDS or not all(map(_is_id, value)):
        raise BadExport(f"ids must be a list of 1 to {_MOST_IDS} ids")
    return value


def _is_id(value: object) -> bool:
    """Return True for printable ASCII of at most `_LONGEST_ID` characters. If no upload has that id, the job
    fails."""
    return isinstance(value, str) and len(value) <= _LONGEST_ID and value.isascii() and value.isprintable()


def _filter(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or value.keys() - _FILTER or value.get("phase", "done") != "done":
        raise BadExport("filter may have kind, owner and meta; phase is always done")
    meta = value.get("meta", {})
    if not isinstance(meta, Mapping) or not all(isinstance(text, str) for text in meta.values()):
        raise BadExport("meta must be an object of texts")
    words = {name: _text(value[name], name) for name in ("kind", "owner") if name in value}
    if sum(len(text.encode()) for text in (*words.values(), *meta, *meta.values())) > _LARGEST_FILTER:
        raise BadExport(f"the texts of filter may have {_LARGEST_FILTER} bytes together")
    return {**words, "meta": meta}


def _word(message: Mapping[str, Any], name: str, words: tuple[str, ...]) -> str:
    value = message.get(name, words[0])
    if value not in words:
        raise BadExport(f"{name} must be one of {', '.join(words)}")
    return str(value)


def _text(value: object, name: str, longest: int | None = None) -> str:
    if not isinstance(value, str) or not value or (longest is not None and len(value) > longest):
        raise BadExport(f"{name} must be a text" + (f" of at most {longest} characters" if longest else ""))
    return value
