"""The answer of a hook to a question: the parts that change the client's response or the planned upload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tusd_py.domain.metadata import Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The response that a hook wants for the client whose request it was asked about. What the hook leaves out stays as
    in the server's own response."""

    status: int | None = None
    """The HTTP status of the response that a hook wants; None for the server's own."""
    body: str = ""
    """The body of the response that a hook wants; empty for the server's own."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header fields, only such as a hook may set: X-… and those that docs/hooks.md lists for `HTTPResponse`."""


NO_ANSWER = Answer()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """The changes to a planned upload that a hook wants (tusd's `ChangeFileInfo`). A field that is None changes
    nothing."""

    name: str | None = None
    """The path of the upload below the creation endpoint, in place of its id. Unless `place` is set or the upload is
    partial, it is also the key of the upload's object, after the credential's key prefix, if there is one."""
    place: str | None = None
    """The key or path of the upload's object, below the storage's prefix or folder; ignored for a partial upload."""
    bucket: str | None = None
    """The bucket for all objects of the upload, in place of the storage's own."""
    metadata: Metadata | None = None
    """Metadata in place of all that the client sent."""


NO_CHANGE = FileChange()
