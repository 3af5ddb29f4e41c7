"""Headers and metadata of objects, for programs that read the bucket directly."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape

from tusd_py.domain.metadata import Metadata
from tusd_py.domain.upload import Upload
from tusd_py.serving.disposition import present
from tusd_py.storage.s3.options import S3Options

_MAX_METADATA = 2048 - 64
"""The most bytes of a client's metadata, names and values, that are stored with the object: S3 takes 2 KB of user
metadata in all, some of which the upload's id takes."""
_NOT_A_NAME = re.compile(r"[^a-z0-9-]+")
UPLOAD_ID = "tus-id"
"""The name of the object's metadata field that holds the upload's id: it tells the upload's object from any other under
the same key."""


def user_metadata(upload: Upload) -> dict[str, str]:
    """Return the object's user metadata, by names without `x-amz-meta-`: the upload's id, and the client's metadata in
    header-safe form, in order up to the first pair that doesn't fit. Of names that become equal, the first counts."""
    headers, remaining = {UPLOAD_ID: str(upload.id)}, _MAX_METADATA
    for name, value in _safe(upload.metadata):
        remaining -= len(name) + len(value)
        if remaining < 0:
            break
        headers.setdefault(name, value)
    return headers


def _safe(metadata: Metadata) -> Iterator[tuple[str, str]]:
    for key, value in metadata.items():
        name = _NOT_A_NAME.sub("-", key.lower()).strip("-")
        if name:
            yield name, _safe_value(value)


def _safe_value(value: bytes) -> str:
    """Return printable ASCII without spaces at its ends as it is, other values as an RFC 2047 encoded word: S3
    itself returns such values in that form.
    """
    plain = value.isascii() and value.decode("ascii").isprintable() and value == value.strip()
    return value.decode("ascii") if plain else f"=?UTF-8?B?{base64.b64encode(value).decode()}?="


def object_params(upload: Upload, options: S3Options) -> dict[str, Any]:
    """Return the parameters of PutObject and CreateMultipartUpload that give the upload's object its headers,
    metadata, tags, ACL, storage class and encryption, by botocore's names.
    """
    presentation = present(upload.metadata)
    chosen = {
        "ContentType": presentation.content_type,
        "ContentDisposition": presentation.content_disposition,
        "ContentEncoding": presentation.content_encoding,
    }
    headers = {name: value for name, value in chosen.items() if value}
    return storage_params(options) | headers | {"Metadata": user_metadata(upload)}


def storage_params(options: S3Options) -> dict[str, str]:
    """Return the parameters that give an object its tags, ACL, storage class and encryption, by botocore's names."""
    chosen = {
        **_encryption(options),
        "StorageClass": options.storage_class,
        "ACL": options.acl,
        "Tagging": urlencode(options.tags),
    }
    return {name: value for name, value in chosen.items() if value}


def encryption_headers(options: S3Options) -> dict[str, str]:
    """Return the headers that every object is written with: a bucket's policy may refuse a write without them."""
    return {_HEADERS[name]: value for name, value in _encryption(options).items() if value}


def _encryption(options: S3Options) -> dict[str, str | None]:
    return {"ServerSideEncryption": options.sse, "SSEKMSKeyId": options.sse_kms_key_id}


_HEADERS = {
    "ContentType": "Content-Type",
    "ContentDisposition": "Content-Disposition",
    "ContentEncoding": "Content-Encoding",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "StorageClass": "x-amz-storage-class",
    "ACL": "x-amz-acl",
    "Tagging": "x-amz-tagging",
}


def as_headers(params: Mapping[str, Any]) -> dict[str, str]:
    """Return `params`, the result of `object_params` or some of it, as header fields: for requests that are made
    without botocore's client."""
    metadata = {f"x-amz-meta-{name}": value for name, value in params.get("Metadata", {}).items()}
    return {_HEADERS[name]: value for name, value in params.items() if name in _HEADERS} | metadata


def as_fields(params: Mapping[str, Any]) -> dict[str, str]:
    """Return `params`, the result of `object_params`, as fields of a form (S3 API Reference, "POST Object"): there ACL
    and tags have other names than in headers, and the tags are XML."""
    fields = as_headers(params)
    renamed = {"acl": fields.pop("x-amz-acl", ""), "tagging": _tag_set(fields.pop("x-amz-tagging", ""))}
    return fields | {name: value for name, value in renamed.items() if value}


def _tag_set(encoded: str) -> str:
    tags = "".join(
        f"<Tag><Key>{escape(key)}</Key><Value>{escape(value)}</Value></Tag>"
        for key, value in parse_qsl(encoded, keep_blank_values=True)
    )
    return f"<Tagging><TagSet>{tags}</TagSet></Tagging>" if tags else ""
