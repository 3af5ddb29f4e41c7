"""The header fields for the type, name (RFC 6266) and content coding of a finished upload, from untrusted metadata."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from tusd_py.domain.metadata import NAME_KEYS, Metadata
from tusd_py.serving.media_types import content_coding, is_safe_inline, media_type

_HIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_REORDERING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks that change the direction of text, and so can make `txt.exe` look like `exe.txt`."""
_HEAD, _TAIL = 100, 60
"""Characters kept of the start and of the end of a name that is longer than the sum of the two: with each escaped, 2 KB
of the 8 KB that clients accept for all headers."""
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"
"""Characters other than letters and digits that `filename*` may hold unescaped (RFC 8187, 3.2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """Values of Content-Type, Content-Disposition and Content-Encoding, safe to send and to store on an object: always
    printable ASCII."""

    content_type: str
    content_disposition: str
    content_encoding: str
    """The coding of the uploaded bytes, which are stored, counted and served as the client sent them; or empty."""


def present(metadata: Metadata) -> Presentation:
    """Return the header values for the name, type and coding that the metadata declares, as far as they are safe: the
    disposition is `inline` only for a type that a browser may show."""
    content_type = media_type(metadata)
    manner = "inline" if is_safe_inline(content_type) else "attachment"
    return Presentation(
        content_type=content_type,
        content_disposition=manner + _parameters(file_name(metadata)),
        content_encoding=content_coding(metadata),
    )


def file_name(metadata: Metadata) -> str:
    """Return the name to save the upload under, without folders, control characters, marks of direction and leading
    dots, and shortened if it is long; empty if the metadata has no name of which anything is left then."""
    names = (_clean(metadata[key].decode("utf-8", "replace")) for key in NAME_KEYS if key in metadata)
    return next(filter(None, names), "")


def _clean(text: str) -> str:
    base = re.split(r"[/\\]", text)[-1]
    visible = "".join(char for char in base if unicodedata.category(char) not in _HIDDEN)
    return _short(_REORDERING.sub("", visible).strip()).lstrip(". ")


def _short(name: str) -> str:
    """Return the name, with the middle of a long one replaced by dots, so that the extension stays."""
    return name if len(name) <= _HEAD + _TAIL else f"{name[:_HEAD]}...{name[-_TAIL:]}"


def _parameters(name: str) -> str:
    """Return the parameters of Content-Disposition, each after a semicolon: `filename`, and `filename*` if the name has
    a character that isn't printable ASCII, or a `%` or `"`, which browsers read in different ways (RFC 6266,
    appendix D). Empty without a name."""
    if not name:
        return ""
    fallback = re.sub(r"[^ -~]|%", "_", name)
    plain = '; filename="{}"'.format(fallback.replace('"', r"\""))
    if fallback == name and '"' not in name:
        return plain
    return f"{plain}; filename*=UTF-8''{quote(name, safe=_ATTRIBUTE_CHARACTERS)}"
