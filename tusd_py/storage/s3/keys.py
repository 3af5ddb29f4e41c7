"""Names of objects. Ours alone: of what a client sent, only a tamed file name may take part, and only if asked for."""

from __future__ import annotations

import re
from secrets import token_hex
from string import Formatter

from tusd_py.domain.upload import NAME_KEYS, Kind, Upload, UploadId, declared
from tusd_py.storage.naming import DATES, expand

_INTERNAL = ".tusd-py/"
_ID = "[0-9a-f]{32}"
_SEGMENT = re.compile(r"/tail-(\d{16,})-[0-9a-f]{16}$")
_WILD = re.compile(r"[^A-Za-z0-9._-]+")


def object_key(upload: Upload, *, prefix: str, template: str) -> str:
    """Where the finished object goes; partial uploads stay among the internal objects."""
    if upload.kind is Kind.PARTIAL:
        return f"{internal_prefix(prefix, upload.id)}object"
    return prefix + expand(template, upload, tame(declared(upload.metadata, NAME_KEYS)))


def tame(filename: str) -> str:
    """A file name without anything that means something to a path, a URL or a shell; at most 100 characters.

    What isn't Latin is lost, but an extension stays one.
    """
    last = re.split(r"[/\\]", filename)[-1]
    stem, dot, extension = last.lstrip(".").partition(".")
    named = _WILD.sub("_", stem).strip("_") or "file"
    return (named + _WILD.sub("_", dot + extension).rstrip("._"))[-100:].lstrip("._") or "file"


def key_pattern(*, prefix: str, template: str) -> re.Pattern[str]:
    """Matches the keys that `object_key` makes, and nothing that others keep in the same bucket; group `id`."""
    fields = {"id": f"(?P<id>{_ID})", "filename": r"[A-Za-z0-9._-]{1,100}"} | dict.fromkeys(DATES, r"\d+")
    literals = [(re.escape(text), fields.get(name or "", "")) for text, name, _, _ in Formatter().parse(template)]
    return re.compile(re.escape(prefix) + "".join(text + field for text, field in literals))


def internal_owner(key: str, prefix: str) -> UploadId | None:
    """Whose internal object that is."""
    found = re.match(f"{re.escape(prefix + _INTERNAL)}({_ID})/", key)
    return UploadId(found[1]) if found else None


def all_internal(prefix: str) -> str:
    """Below this lies everything that is no finished object."""
    return prefix + _INTERNAL


def internal_prefix(prefix: str, upload_id: UploadId) -> str:
    """Everything of an upload that is not its finished object lies below this."""
    return f"{prefix}{_INTERNAL}{upload_id}/"


def segment_key(prefix: str, upload_id: UploadId, offset: int) -> str:
    """A name that no other writer will ever use: what is recorded is never written over."""
    return f"{internal_prefix(prefix, upload_id)}tail-{offset:016d}-{token_hex(8)}"


def segment_offset(key: str) -> int | None:
    """Where a segment's bytes begin; None if that is no segment."""
    found = _SEGMENT.search(key)
    return int(found[1]) if found else None


def info_key(prefix: str, upload_id: UploadId) -> str:
    """The upload's record, in the bucket itself."""
    return f"{internal_prefix(prefix, upload_id)}info"


def installation_key(prefix: str) -> str:
    """The id of the installation that all below the prefix belongs to."""
    return f"{prefix}{_INTERNAL}installation"


def probe_key(prefix: str) -> str:
    """A name for a test write."""
    return f"{prefix}{_INTERNAL}probe-{token_hex(8)}"


def readiness_key(prefix: str) -> str:
    """The name for the test writes of servers: one, so that no crash leaves more than one object."""
    return f"{prefix}{_INTERNAL}ready"
