"""The JSON object that tells listeners, listings and exports of lists about an upload. CloudEvents share its members
for metadata."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tusd_py.domain.metadata import Metadata
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.serving.dates import rfc3339


def upload_object(upload: Upload, seq: int, endpoint: str, now: float, end: str | None = None) -> Mapping[str, Any]:
    """Return the members of the JSON object that describes the upload. `seq` is the number of the upload's last event
    (of its creation, if it had none), `endpoint` the creation endpoint's URL, `now` in seconds since the epoch.

    `end` is the value of the member `end`: `finished`, or, for an upload that has ended, the reason, which the record
    doesn't have. With None the member is `finished` if the upload is done, else null.
    """
    times, digest = upload.times, upload.digest
    return {
        "id": upload.id,
        "url": f"{endpoint}{upload.url_name}",
        "revision": upload.revision,
        "seq": seq,
        "kind": upload.kind,
        "phase": upload.phase if upload.alive else Phase.GONE,
        "length": upload.length,
        "offset": upload.offset,
        **metadata_members(upload.metadata),
        "owner": upload.owner,
        "etag": f'"{upload.validator}"' if upload.done else None,
        "digest": None if digest is None or digest.value is None else f"{digest.algorithm}:{digest.value}",
        "created": rfc3339(times.created_at),
        "updated": rfc3339(times.updated_at),
        "expires": None if times.expires_at is None else rfc3339(times.expires_at),
        "paused": upload.paused(now),
        "scan": None if upload.scan is None else asdict(upload.scan),
        "end": end or ("finished" if upload.done else None),
    }


def metadata_members(metadata: Metadata) -> Mapping[str, Mapping[str, str]]:
    """Return the member `metadata`, which has the values that are UTF-8, as text; and, only if there are other values,
    the member `metadata_base64`, which has those in base64."""
    texts, encoded = dict[str, str](), dict[str, str]()
    for key, value in metadata.items():
        try:
            texts[key] = value.decode()
        except UnicodeDecodeError:
            encoded[key] = b64encode(value).decode()
    return {"metadata": texts} | ({"metadata_base64": encoded} if encoded else {})
