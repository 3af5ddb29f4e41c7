"""`Digest` compares a body with its announced checksum; without one, any body matches."""

from __future__ import annotations

import hashlib

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusd_py.domain.digest import Checksum
from tusd_py.protocol.headers import CHECKSUM_ALGORITHMS
from tusd_py.transfer.digests import Digest


def checksum(algorithm: str, data: bytes) -> Checksum:
    if algorithm == "crc32c":
        return Checksum(algorithm=algorithm, digest=int(google_crc32c.value(data)).to_bytes(4, "big"))
    return Checksum(algorithm=algorithm, digest=hashlib.new(algorithm, data).digest())


def fed(digest: Digest, chunks: list[bytes]) -> Digest:
    for chunk in chunks:
        digest.update(chunk)
    return digest


@pytest.mark.parametrize("algorithm", CHECKSUM_ALGORITHMS)
@given(chunks=st.lists(st.binary(max_size=50)))
def test_a_body_agrees_with_its_own_checksum_however_it_is_cut(algorithm: str, chunks: list[bytes]) -> None:
    assert fed(Digest(checksum(algorithm, b"".join(chunks))), chunks).matches()


@pytest.mark.parametrize("algorithm", CHECKSUM_ALGORITHMS)
@given(body=st.binary(max_size=50), other_body=st.binary(max_size=50))
def test_another_body_disagrees(algorithm: str, body: bytes, other_body: bytes) -> None:
    assert fed(Digest(checksum(algorithm, body)), [other_body]).matches() is (body == other_body)


def test_a_digest_of_the_wrong_length_disagrees() -> None:
    assert not Digest(Checksum(algorithm="sha1", digest=b"")).matches()


def test_without_a_checksum_nothing_waits_and_anything_agrees() -> None:
    digest = fed(Digest(None), [b"anything"])
    assert not digest.open
    assert digest.matches()


def test_with_a_checksum_the_bytes_wait_for_it() -> None:
    assert Digest(checksum("sha256", b"")).open
