"""The grammars of header fields: text to values and back. Text that doesn't follow its grammar raises Malformed.

No message repeats what a client sent.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from email.utils import formatdate

from tusd_py.domain.digest import Checksum
from tusd_py.domain.limits import Limits
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.names import is_metadata_key
from tusd_py.domain.numbers import parse_integer
from tusd_py.domain.refusals import Malformed
from tusd_py.domain.upload import Kind

CHECKSUM_ALGORITHMS: Mapping[str, int] = {"sha1": 20, "sha256": 32, "sha512": 64, "md5": 16, "crc32c": 4}
"""Algorithms of Upload-Checksum, with the size of each digest in bytes; the preferred ones first."""


def parse_length(length: str | None, defer_length: str | None) -> int | None:
    """Return Upload-Length, or None for Upload-Defer-Length: exactly one of the two is required (tus 1.0, POST)."""
    match length, defer_length:
        case str(), None:
            return parse_integer("Upload-Length", length)
        case None, "1":
            return None
        case None, str():
            raise Malformed("Upload-Defer-Length can only be 1")
        case _:
            raise Malformed("send one of Upload-Length and Upload-Defer-Length")


def parse_metadata(text: str, limits: Limits) -> Metadata:
    """Read Upload-Metadata: `key[ base64]` pairs between commas; blanks around them are allowed; empty for none."""
    if len(text) > limits.max_metadata_bytes:
        raise Malformed(f"Upload-Metadata is longer than {limits.max_metadata_bytes} bytes")
    pairs = text.split(",") if text.strip(" ") else []
    if len(pairs) > limits.max_metadata_keys:
        raise Malformed(f"Upload-Metadata has more than {limits.max_metadata_keys} keys")
    metadata = dict(_parse_pair(pair) for pair in pairs)
    if len(metadata) < len(pairs):
        raise Malformed("Upload-Metadata has a key twice")
    return metadata


def _parse_pair(pair: str) -> tuple[str, bytes]:
    key, _, value = pair.strip(" ").partition(" ")
    return parse_metadata_key("Upload-Metadata", key), _parse_base64("Upload-Metadata", value)


def parse_metadata_key(name: str, key: str) -> str:
    """Return the key, if tus 1.0 allows it. Raises Malformed."""
    if not is_metadata_key(key):
        raise Malformed(f"a key in {name} must be visible ASCII without commas, and not empty")
    return key


def encode_metadata(metadata: Metadata) -> str:
    """Write Upload-Metadata canonically: padded base64, a bare key for an empty value, no blank after commas."""
    return ",".join(f"{key} {base64.b64encode(value).decode()}" if value else key for key, value in metadata.items())


def parse_checksum(text: str) -> Checksum:
    """Read Upload-Checksum: `algorithm base64`, before a byte of the body is read. Raises Malformed."""
    algorithm, _, encoded = text.partition(" ")
    size = CHECKSUM_ALGORITHMS.get(algorithm)
    if size is None:
        raise Malformed(f"Upload-Checksum must name one of {', '.join(CHECKSUM_ALGORITHMS)}")
    digest = _parse_base64("Upload-Checksum", encoded)
    if len(digest) != size:
        raise Malformed(f"a {algorithm} digest has {size} bytes")
    return Checksum(algorithm=algorithm, digest=digest)


def _parse_base64(name: str, text: str) -> bytes:
    """Decode base64, with all of its padding or none, as some clients leave it out."""
    padding = "" if text.endswith("=") else "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text + padding, validate=True)
    except ValueError:
        raise Malformed(f"{name} has a value that is not base64") from None


def parse_concat(text: str, limits: Limits) -> tuple[Kind, tuple[str, ...]]:
    """Read Upload-Concat: `partial`, or `final;` and the URLs of its partials in order, blanks between them."""
    word, _, list_text = text.partition(";")
    urls = tuple(filter(None, list_text.split(" ")))
    match word.strip(" "), urls:
        case "partial", ():
            return Kind.PARTIAL, ()
        case "final", (_, *_):
            return Kind.FINAL, _limited(urls, limits)
        case _:
            raise Malformed("Upload-Concat must be partial, or final; with the URLs of partial uploads")


def _limited(urls: tuple[str, ...], limits: Limits) -> tuple[str, ...]:
    if len(urls) > limits.max_partials:
        raise Malformed(f"Upload-Concat has more than {limits.max_partials} partial uploads")
    return urls


def encode_final(urls: Iterable[str]) -> str:
    """Write Upload-Concat of a final upload."""
    return f"final;{' '.join(urls)}"


def is_media_type(text: str | None, media_type: str) -> bool:
    """Return True if Content-Type is this type (lower case), with any parameters, in any case (RFC 9110, 8.3.1)."""
    return text is not None and text.partition(";")[0].strip(" \t").lower() == media_type


def http_date(seconds: float) -> str:
    """Write seconds since the epoch as an IMF-fixdate (RFC 9110, 5.6.7)."""
    return formatdate(seconds, usegmt=True)
