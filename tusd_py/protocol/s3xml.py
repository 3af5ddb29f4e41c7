"""Answers in the XML of S3, for clients that send S3's requests to this server, as @uppy/aws-s3 6 does with its option
`signRequest`.

S3 API Reference: CreateMultipartUpload, ListParts, CompleteMultipartUpload, Error responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from tusd_py.domain.direct import DirectPart
from tusd_py.domain.refusals import Refusal
from tusd_py.domain.upload import Upload

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def initiated(upload: Upload, key: str, bucket: str) -> str:
    return _document("InitiateMultipartUploadResult", _fields(Bucket=bucket, Key=key, UploadId=upload.id))


def stored(parts: Sequence[DirectPart]) -> str:
    listed = (_fields(PartNumber=part.number, ETag=f'"{part.etag}"', Size=part.length) for part in parts)
    return _document("ListPartsResult", "".join(f"<Part>{fields}</Part>" for fields in listed))


def completed(upload: Upload, location: str, key: str, bucket: str) -> str:
    fields = _fields(Location=location, Bucket=bucket, Key=key, ETag=f'"{upload.etag}"')
    return _document("CompleteMultipartUploadResult", fields)


def refused(refusal: Refusal) -> str:
    fields = _fields(Code=refusal.code, Message=refusal.message)
    return f"{_DECLARATION}<Error>{fields}</Error>"


def _document(name: str, content: str) -> str:
    return f"{_DECLARATION}<{name} {_NAMESPACE}>{content}</{name}>"


def _fields(**values: object) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items())
