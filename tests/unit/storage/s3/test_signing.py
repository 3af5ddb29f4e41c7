"""The signature of a request to S3: for random GET and PUT requests, it is the one that botocore's own signer makes."""

from __future__ import annotations

from datetime import UTC, datetime
from string import ascii_letters, digits, printable
from urllib.parse import quote

import pytest
from botocore import auth
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from tusd_py.storage.s3.api.signing import Target, encoded, signed

NAMES = st.text(ascii_letters + digits + "-", min_size=1, max_size=20).map(lambda name: f"x-amz-meta-{name}".lower())
VALUES = st.text(printable.translate({ord(c): None for c in "\r\n\t\v\f"}), min_size=1)
WORDS = st.text(min_size=1).filter(lambda text: text.encode(errors="replace").decode() == text)


class Unsigned(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    def payload(self, request: AWSRequest) -> str:  # noqa: ARG002 (the base class asks for it)
        return "UNSIGNED-PAYLOAD"


def by_botocore(target: Target, headers: dict[str, str], credentials: ReadOnlyCredentials, now: datetime) -> str:
    url = f"https://{target.host}{target.path}?{target.query}".rstrip("?")
    request = AWSRequest(method=target.method, url=url, headers=dict(headers))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", lambda: now)
        Unsigned(credentials, "s3", "eu-west-1").add_auth(request)
    return str(request.headers["Authorization"])


@st.composite
def targets(draw: st.DrawFn) -> Target:
    names = st.sampled_from(["partNumber", "uploadId", "versionId", "a", "a-b", "a.b", "a b"])
    query = draw(st.dictionaries(names, WORDS))
    host = draw(st.sampled_from(["s3.eu-west-1.amazonaws.com", "127.0.0.1:8333", "[::1]:9000"]))
    path = f"/b/{quote(draw(WORDS), safe='/~')}"
    return Target(method=draw(st.sampled_from(["PUT", "GET"])), host=host, path=path, query=encoded(query))


@given(
    target=targets(),
    headers=st.dictionaries(NAMES, VALUES),
    token=st.none() | st.text(ascii_letters + "/+=", min_size=1),
    now=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 (it gets its zone below)
)
def test_it_signs_as_botocore_does(target: Target, headers: dict[str, str], token: str | None, now: datetime) -> None:
    credentials, when = ReadOnlyCredentials("AKID", "se/cret+", token), now.replace(tzinfo=UTC)
    own_headers = signed(target, headers, credentials, "eu-west-1", when)
    assert own_headers["Authorization"] == by_botocore(target, headers, credentials, when)
    assert own_headers.items() >= headers.items()
    assert own_headers.get("X-Amz-Security-Token") == token


def test_a_query_is_sorted_by_name_and_not_as_text() -> None:
    """A query is sorted by its names, `a` before `a-b`: sorted as text, `a-b=2` would come before `a=1`."""
    assert encoded({"a-b": "2", "a": "1"}) == "a=1&a-b=2"
