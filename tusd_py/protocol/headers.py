"""The grammars of header fields: text to values and back. The `parse_` functions raise Malformed for text that doesn't
follow its grammar.

The errors' messages repeat nothing that a client sent, except the name of a known checksum algorithm.
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
"""The algorithms of Upload-Checksum, each with the size of its digest in bytes; the preferred ones first."""


def parse_length(length: str | None, defer_length: str | None) -> int | None:
    """Return the value of Upload-Length, or None for Upload-Defer-Length: exactly one of the two is required (tus 1.0,
    POST). Raises Malformed."""
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
    """Return the metadata in Upload-Metadata: `key[ base64]` pairs between commas, with blanks around them allowed;
    empty for an empty field. Raises Malformed, also above the limits of its size and of the number of keys."""
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
    """Return the key. Raises Malformed if tus 1.0 doesn't allow it; the error's message says that the key is in `name`,
    a header field or a member of JSON."""
    if not is_metadata_key(key):
        raise Malformed(f"a key in {name} must be visible ASCII without commas, and not empty")
    return key


def encode_metadata(metadata: Metadata) -> str:
    """Return Upload-Metadata in canonical form: padded base64, a bare key for an empty value, no blank after commas."""
    return ",".join(f"{key} {base64.b64encode(value).decode()}" if value else key for key, value in metadata.items())


def parse_checksum(text: str) -> Checksum:
    """Return the checksum in Upload-Checksum: `algorithm base64`. Raises Malformed, also for an unknown algorithm or a
    digest of another size than the algorithm's."""
    algorithm, _, encoded = text.partition(" ")
    size = CHECKSUM_ALGORITHMS.get(algorithm)
    if size is None:
        raise Malformed(f"Upload-Checksum must name one of {', '.join(CHECKSUM_ALGORITHMS)}")
    digest = _parse_base64("Upload-Checksum", encoded)
    if len(digest) != size:
        raise Malformed(f"a {algorithm} digest has {size} bytes")
    return Checksum(algorithm=algorithm, digest=digest)


def _parse_base64(name: str, text: str) -> bytes:
    """Return the bytes that the text encodes in base64, with all of its padding or without any, as some clients leave
    it out. Raises Malformed; `name` is the header field's name, for the error's message."""
    padding = "" if text.endswith("=") else "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text + padding, validate=True)
    except ValueError:
        raise Malformed(f"{name} has a value that is not base64") from None


def parse_concat(text: str, limits: Limits) -> tuple[Kind, tuple[str, ...]]:
    """Return what Upload-Concat declares: the kind, and the URLs of a final upload's partials as sent, in order. It is
    `partial`, or `final;` and the URLs with blanks between them. Raises Malformed, also above the limit of partials."""
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
    """Return Upload-Concat of a final upload with partials at these URLs."""
    return f"final;{' '.join(urls)}"


def is_media_type(text: str | None, media_type: str) -> bool:
    """Return True if the text, a Content-Type in upper or lower case and with any parameters, is this type (RFC 9110,
    8.3.1). `media_type` is in lower case; the text is None if there is no Content-Type."""
    return text is not None and text.partition(";")[0].strip(" \t").lower() == media_type


def http_date(seconds: float) -> str:
    """Return the time, in seconds since the epoch, as an IMF-fixdate (RFC 9110, 5.6.7)."""
    return formatdate(seconds, usegmt=True)
