"""The keys of objects. Of what a client sent, a key that no hook or credential chose contains only a sanitized file
name, and that only if the setting `object-key` has `{filename}`."""

from __future__ import annotations

import re
from itertools import chain, repeat
from secrets import token_hex
from string import Formatter

from tusd_py.domain.names import base_name
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.storage.naming import DATES, expand

_INTERNAL = ".tusd-py/"
_ID = "[0-9a-f]{32}"
ID_OF_TESTS = UploadId("ffffffffffffffffffffffffffffffff")
"""The id that test writes belong to. No upload has it, so garbage collection removes what a killed process leaves."""
_SEGMENT = re.compile(r"/tail-(\d{16,})-[0-9a-f]{16}$")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def object_key(upload: Upload, *, prefix: str, template: str) -> str:
    """Return the key of the upload's finished object: `prefix`, then the key that a hook or a credential chose, else
    the credential's key prefix and the filled-in `template` (the setting `object-key`). A partial upload's object has
    an internal key instead (`internal_root`)."""
    if upload.kind is Kind.PARTIAL:
        return f"{internal_prefix(prefix, upload.id)}object"
    return prefix + expand(template, upload, sanitize)


def sanitize(filename: str) -> str:
    """Return the last component of a file name, which may be a path, without characters special to paths, URLs or
    shells: `_` replaces each run of characters other than ASCII letters, digits, `.`, `_` and `-`.

    Dots at the ends of the name are dropped, as is `_` at an end of the name or of its part before the first dot. If
    nothing of that part is left, it becomes `file`: `é.pdf` gives `file.pdf`. If the result has more than 100
    characters, the last 100 are returned, without `.` and `_` at their start.
    """
    stem, dot, extension = base_name(filename).lstrip(".").partition(".")
    name = _UNSAFE.sub("_", stem).strip("_") or "file"
    return (name + _UNSAFE.sub("_", dot + extension).rstrip("._"))[-100:].lstrip("._") or "file"


def key_pattern(*, prefix: str, template: str) -> re.Pattern[str]:
    """Return a pattern that fully matches the keys that `object_key` makes of the template, with the upload's id as
    its group `id`. A key that a hook or a credential chose or prefixed matches only if it has the template's form."""
    fields = {"filename": r"[A-Za-z0-9._-]{1,100}"} | dict.fromkeys(DATES, r"\d+")
    ids = chain([f"(?P<id>{_ID})"], repeat("(?P=id)"))
    literals = [
        (re.escape(text), next(ids) if name == "id" else fields.get(name or "", ""))
        for text, name, _, _ in Formatter().parse(template)
    ]
    return re.compile(re.escape(prefix) + "".join(text + field for text, field in literals))


def is_key_of_another(key: str, upload_id: UploadId, *, prefix: str, template: str) -> bool:
    """Return True if the template could have made the key for an upload with another id: this upload's leftovers under
    such a key would be taken for leftovers of the other upload.
    """
    match = key_pattern(prefix=prefix, template=template).fullmatch(key)
    return match is not None and match["id"] != upload_id


def internal_owner(key: str, prefix: str) -> UploadId | None:
    """Return the id of the upload that an internal object (`internal_root`) belongs to; None for any other key, and
    for the installation's object."""
    match = re.match(f"{re.escape(prefix + _INTERNAL)}({_ID})/", key)
    return UploadId(match[1]) if match else None


def internal_root(prefix: str) -> str:
    """Return the prefix of the keys of all internal objects: segments, info objects, objects of partial uploads, test
    writes and the object with the installation's id."""
    return prefix + _INTERNAL


def internal_prefix(prefix: str, upload_id: UploadId) -> str:
    """Return the prefix of the keys of an upload's internal objects."""
    return f"{prefix}{_INTERNAL}{upload_id}/"


def segment_key(prefix: str, upload_id: UploadId, offset: int) -> str:
    """Return a new key for a segment whose first byte is at `offset`: unique, so no recorded segment is overwritten."""
    return f"{internal_prefix(prefix, upload_id)}tail-{offset:016d}-{token_hex(8)}"


def segment_offset(key: str) -> int | None:
    """Return the offset of a segment's first byte, or None if the key isn't a segment's."""
    match = _SEGMENT.search(key)
    return int(match[1]) if match else None


def info_key(prefix: str, upload_id: UploadId) -> str:
    """Return the key of the upload's info object, which holds a copy of the record."""
    return f"{internal_prefix(prefix, upload_id)}info"


def installation_key(prefix: str) -> str:
    """Return the key of the object that holds the installation's id."""
    return f"{prefix}{_INTERNAL}installation"


def probe_key(prefix: str) -> str:
    """Return a new key for a test write."""
    return f"{internal_prefix(prefix, ID_OF_TESTS)}probe-{token_hex(8)}"


def readiness_key(prefix: str) -> str:
    """Return the key of readiness test writes: always the same, so that crashes leave at most one object."""
    return f"{internal_prefix(prefix, ID_OF_TESTS)}ready"
