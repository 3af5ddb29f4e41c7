"""A prefix in the bucket of a real S3, for one deployment: a server's settings, and a look at what S3 holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from devtools.seaweed import SeaweedFS
from tusd_py.storage.s3.keys import installation_key


class Bucket:
    """The objects below `prefix`, by default a new one, in the bucket `name`, by default `seaweed.bucket`. Servers with
    its `settings` find S3 at `endpoint`, by default at SeaweedFS itself."""

    def __init__(
        self, seaweed: SeaweedFS, prefix: str | None = None, *, endpoint: str | None = None, name: str | None = None
    ) -> None:
        self.name = name or seaweed.bucket
        self.prefix = f"{prefix or uuid4().hex}/"
        self.environment = seaweed.user.environment()
        """Environment variables with the server's credentials for S3."""
        self.settings: Mapping[str, Any] = {
            "storage": f"s3://{self.name}/{self.prefix}",
            "s3_endpoint_url": endpoint or seaweed.endpoint,
            "s3_profile": "seaweedfs",
        }
        self._boto = seaweed.client()

    def residue(self) -> list[str]:
        """Return the keys, without the prefix and sorted, of all objects but the installation's id, and `multipart KEY`
        for each open multipart upload."""
        where = {"Bucket": self.name, "Prefix": self.prefix}
        objects = _listed(self._boto.get_paginator("list_objects_v2").paginate(**where), "Contents")
        multiparts = _listed(self._boto.get_paginator("list_multipart_uploads").paginate(**where), "Uploads")
        keys = {key.removeprefix(self.prefix) for key in objects} - {installation_key("")}
        return sorted([*keys, *(f"multipart {key.removeprefix(self.prefix)}" for key in multiparts)])

    def traces(self, url: str) -> list[str]:
        """Return the sorted keys, without the prefix, of all objects whose key contains the id from this URL, the
        finished object included, and `multipart KEY` for each open multipart upload to such a key (`residue`)."""
        return [key for key in self.residue() if upload_id(url) in key]

    def read(self, key: str) -> bytes:
        """Return the bytes of the object at `key`, given without the prefix. Raises ClientError if there is none."""
        content: bytes = self._boto.get_object(Bucket=self.name, Key=f"{self.prefix}{key}")["Body"].read()
        return content

    def content(self, url: str) -> bytes:
        """Return the bytes of the object whose key is the prefix and the upload's id, as `object-key` has it by
        default; the URL may have any host. Raises ClientError if there is none."""
        return self.read(upload_id(url))

    def size(self, url: str) -> int | None:
        """Return the size in bytes of the finished object of the upload with this URL; None if there is no such
        object."""
        listed = self._boto.list_objects_v2(Bucket=self.name, Prefix=self._finished(url)["Key"])
        return next((int(entry["Size"]) for entry in listed.get("Contents", [])), None)

    def put(self, url: str, body: bytes, *, own: bool = False) -> None:
        """Store an object at the key of the upload's finished object, with the upload's id in its metadata if `own`."""
        marks = {"tus-id": upload_id(url)} if own else {}
        self._boto.put_object(**self._finished(url), Body=body, Metadata=marks)

    def lose(self, url: str, nth: int | None = None) -> None:
        """Remove the objects below the private prefix, such as segments, of the upload with this URL: up to 1000 of
        them, or only the `nth` in order of keys, from 0. Multipart uploads stay. Raises KeyError if there is no such
        object, IndexError if there is no `nth`."""
        prefix = f"{self.prefix}.tusd-py/{upload_id(url)}/"
        contents = self._boto.list_objects_v2(Bucket=self.name, Prefix=prefix)["Contents"]
        for entry in contents if nth is None else [contents[nth]]:
            self._boto.delete_object(Bucket=self.name, Key=entry["Key"])

    def store(self, key: str, body: bytes) -> None:
        """Store an object at `key`, given without the prefix."""
        self._boto.put_object(Bucket=self.name, Key=f"{self.prefix}{key}", Body=body)

    def delete(self, url: str) -> None:
        """Remove the finished object of the upload with this URL, if it exists."""
        self._boto.delete_object(**self._finished(url))

    def abort_multiparts(self) -> None:
        """Abort all multipart uploads below the prefix, at most 1000, as a lifecycle rule does. Raises KeyError if
        there is none."""
        for multipart in self._boto.list_multipart_uploads(Bucket=self.name, Prefix=self.prefix)["Uploads"]:
            self._boto.abort_multipart_upload(Bucket=self.name, Key=multipart["Key"], UploadId=multipart["UploadId"])

    def _finished(self, url: str) -> dict[str, Any]:
        return {"Bucket": self.name, "Key": f"{self.prefix}{upload_id(url)}"}


def upload_id(url: str) -> str:
    return url.rpartition("/")[2]


def _listed(pages: Iterable[Mapping[str, Any]], kind: str) -> list[str]:
    """Return the keys of all entries of this `kind`, such as `Contents`, on all pages."""
    return [entry["Key"] for page in pages for entry in page.get(kind, [])]
