"""The media type and coding that clients declare for an upload, used only as far as that is safe."""

from __future__ import annotations

import re

from tusd_py.domain.metadata import TYPE_KEYS, Metadata

UNKNOWN = "application/octet-stream"

_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,127}"
_VALUE = rf'(?:{_WORD}|"[A-Za-z0-9 !#$%&\'()*+,./:<=>?@\[\]^_`{{|}}~-]{{0,127}}")'
_PARAMETER = re.compile(rf"[ \t]*;[ \t]*({_WORD})=({_VALUE})")
_MEDIA_TYPE = re.compile(rf"({_WORD}/{_WORD})((?:{_PARAMETER.pattern}){{0,4}})")

_CODING = "(?:gzip|x-gzip|br|zstd|deflate|compress)"
_CODINGS = re.compile(rf"{_CODING}(?:, ?{_CODING}){{0,3}}", re.IGNORECASE)

_INLINE = frozenset(
    {
        *(f"image/{name}" for name in ("png", "jpeg", "gif", "webp", "bmp", "avif")),
        *(f"audio/{name}" for name in ("mpeg", "ogg", "wav", "webm", "flac")),
        *(f"video/{name}" for name in ("mp4", "webm", "ogg")),
        "text/plain",
    }
)
"""Types that browsers show or play and never run; not HTML, SVG, XML or PDF."""


_RUNS = frozenset(
    {
        *("text/html", "text/css", "application/pdf", "application/wasm"),
        *("application/x-shockwave-flash", "application/x-javascript", "text/x-component", "application/hta"),
        *("text/xsl", "text/rdf", "application/xslt", "application/java-archive"),
    }
)
"""Types that browsers run, lay out or style with, or once did. `served_type` knows more such types by how they begin or
end."""
_RUN_PREFIXES = ("multipart/", "message/", "text/javascript")


def media_type(metadata: Metadata) -> str:
    """Return the type that the client declared, as a value of Content-Type: the type and the names of its parameters in
    lower case, and text/plain without a charset with that of UTF-8. UNKNOWN (application/octet-stream) if the client
    declared none, or one that isn't safe: malformed, overlong, or with more than four parameters or one of them
    twice."""
    declared = next((metadata[key] for key in TYPE_KEYS if metadata.get(key)), b"")
    match = _MEDIA_TYPE.fullmatch(declared.decode("latin-1").strip(" \t"))
    return UNKNOWN if match is None else _normal(match[1].lower(), _PARAMETER.findall(match[2]))


def content_coding(metadata: Metadata) -> str:
    """Return the content coding that the client declared in the metadata `contentencoding`, if it is a list of one to
    four of gzip, x-gzip, br, zstd, deflate and compress; else an empty text."""
    coding = metadata.get("contentencoding", b"").decode("latin-1")
    return coding if _CODINGS.fullmatch(coding) else ""


def served_type(content_type: str) -> str:
    """Return the type to serve from this server's origin: UNKNOWN (application/octet-stream) in place of a type that a
    browser shows as a page, or that a page could load as a script or a style.

    Browsers look at neither Content-Disposition nor a sandbox where a page loads a script, a style or a worker.
    """
    essence = content_type.partition(";")[0]
    runs = essence in _RUNS or essence.endswith(("+xml", "script")) or essence.startswith(_RUN_PREFIXES)
    return UNKNOWN if runs or essence.partition("/")[2].startswith("xml") else content_type


def is_safe_inline(content_type: str) -> bool:
    """Return True if a browser may show the type within this server's origin."""
    return content_type.partition(";")[0] in _INLINE


def _normal(essence: str, pairs: list[tuple[str, str]]) -> str:
    """Return the type `essence` with the parameters `pairs`, their names in lower case; UNKNOWN
    (application/octet-stream) if a parameter comes twice. text/plain without a charset gets UTF-8, so that browsers
    guess none."""
    parameters = {name.lower(): value for name, value in pairs}
    if len(parameters) < len(pairs):
        return UNKNOWN
    if essence == "text/plain":
        parameters.setdefault("charset", "utf-8")
    return "; ".join([essence, *(f"{name}={value}" for name, value in parameters.items())])
