"""The type, name, coding and digests that a request declares of its upload (RFC 9110, 6266, 9530)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tusd_py.domain.digest import Checksum, WholeDigest
from tusd_py.domain.limits import Limits
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.refusals import Malformed
from tusd_py.protocol.headers import is_media_type, parse_metadata
from tusd_py.protocol.parameters import PARAMETER, decode_extended
from tusd_py.protocol.rufh.versions import PARTIAL_UPLOAD
from tusd_py.protocol.structured import parse_dictionary

ALGORITHMS: Mapping[str, str] = {"sha-256": "sha256", "sha-512": "sha512"}
"""Digest algorithms: the names in header fields, and those in records, the preferred one first. All other names in
fields are ignored (RFC 9530, 2)."""
_SIZES = {"sha-256": 32, "sha-512": 64}


def metadata_of(headers: Mapping[str, str], limits: Limits) -> Metadata:
    """Return the metadata in Upload-Metadata, which tus-js-client sends in this protocol too; add `filename`,
    `filetype` and `contentencoding` from Content-Disposition, Content-Type and Content-Encoding if it lacks them.
    Raises Malformed for an Upload-Metadata that can't be read, and for metadata that is too long."""
    metadata = dict(parse_metadata(headers.get("Upload-Metadata", ""), limits))
    for name, value in _described(headers):
        metadata.setdefault(name, value.encode("utf-8", "surrogateescape"))
    if sum(map(len, metadata.values())) > limits.max_metadata_bytes:
        raise Malformed("Content-Type, Content-Disposition and Content-Encoding are too long")
    return metadata


def _described(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the metadata keys `filename`, `filetype` and `contentencoding`, each with the value that
    Content-Disposition, Content-Type or Content-Encoding declares; no key for a missing value, and none for `identity`.
    Also no type for application/partial-upload: tus-js-client sends it even to create an upload, but it is the
    request's type."""
    kind, coding = headers.get("Content-Type", ""), headers.get("Content-Encoding", "identity")
    if name := _file_name(headers.get("Content-Disposition", "")):
        yield "filename", name
    if kind and not is_media_type(kind, PARTIAL_UPLOAD):
        yield "filetype", kind
    if coding.lower() != "identity":
        yield "contentencoding", coding


def _file_name(disposition: str) -> str:
    """Return the name in Content-Disposition: `filename*` if it can be read, else `filename`; empty for none."""
    parameters = {name.lower(): value for name, value in PARAMETER.findall(disposition)}
    extended = decode_extended(parameters.get("filename*", ""))
    if extended is not None:
        return extended
    plain = parameters.get("filename", "")
    return re.sub(r"\\(.)", r"\1", plain[1:-1]) if plain.startswith('"') else plain


def content_digest(headers: Mapping[str, str]) -> Checksum | None:
    """Return the digest of the request's content that Content-Digest announces; None if it has none by a known
    algorithm. Raises Malformed."""
    digest = _digest("Content-Digest", headers)
    return None if digest is None else Checksum(algorithm=ALGORITHMS[digest[0]], digest=digest[1])


def announced_digest(headers: Mapping[str, str]) -> WholeDigest | None:
    """Return the digest of the whole upload that Repr-Digest announces; None if it has none by a known algorithm.
    Raises Malformed."""
    digest = _digest("Repr-Digest", headers)
    return None if digest is None else WholeDigest(algorithm=ALGORITHMS[digest[0]], value=digest[1].hex())


def requested_digest(headers: Mapping[str, str]) -> WholeDigest | None:
    """Return a digest of the whole upload without its value, by the known algorithm that Want-Repr-Digest prefers; None
    if that field is missing, can't be read, or asks for no known algorithm."""
    preferences = parse_dictionary(headers.get("Want-Repr-Digest")) or {}
    weights = {name: weight for name in ALGORITHMS if type(weight := preferences.get(name)) is int and weight > 0}
    best = max(weights, key=lambda name: weights[name], default=None)
    return None if best is None else WholeDigest(algorithm=ALGORITHMS[best])


def _digest(field: str, headers: Mapping[str, str]) -> tuple[str, bytes] | None:
    """Return the name of the known algorithm by which the field has a digest, and that digest; of two the preferred
    one, sha-256. None if the field is missing or has none by a known algorithm. Raises Malformed if the field or that
    digest can't be read, or the digest has the wrong size: the client relies on the check."""
    if field not in headers:
        return None
    members = parse_dictionary(headers[field])
    if members is None:
        raise Malformed(f"{field} must be a dictionary of digests")
    for name in ALGORITHMS:
        digest = members.get(name)
        if digest is not None:
            if not isinstance(digest, bytes) or len(digest) != _SIZES[name]:
                raise Malformed(f"{field} has a {name} that is not one")
            return name, digest
    return None
