"""Each refusal of a form has its code, and leaves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from tests.plain.conftest import MAX_FILES, MAX_SIZE, Place
from tests.plain.forms import BOUNDARY, Part, PlainClient, encoded, file, form_fields
from tests.support.raw import chunked, requesting
from tests.support.tus import until
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")
FORM = {"content_type": form_fields()["Content-Type"]}

WHOLE = file(b"whole", "whole.txt")
HEAD = b"Content-Disposition: form-data; name=a; filename=b\r\n"
REFUSED: Sequence[tuple[str, Sequence[Part | bytes]]] = [
    ("no-file", [Part("a", b"b")]),
    ("no-file", [file(b"", "")]),
    ("no-file", []),
    ("fields-after-file", [WHOLE, Part("a", b"b")]),
    ("too-many-fields", [*(Part(f"a{number}", b"") for number in range(65)), WHOLE]),
    ("fields-too-large", [Part("a", bytes(8193)), Part("b", bytes(8192)), WHOLE]),
    ("too-many-files", [*(file(b"x") for _ in range(MAX_FILES)), WHOLE]),
    ("too-many-files", [WHOLE, *(file(b"", "") for _ in range(MAX_FILES + 1))]),
    *(("bad-field", [Part(name, b"x"), WHOLE]) for name in ("a b", "a,b", "ü", "", "a%0D")),
    ("bad-form", [WHOLE, b"Content-Disposition: form-data; filename=a\r\n\r\nx"]),
    ("bad-form", [WHOLE, b"Content-Disposition: attachment; name=a; filename=a\r\n\r\nx"]),
    ("bad-form", [WHOLE, b"Content-Disposition: form-data; name=a; name=b; filename=a\r\n\r\nx"]),
    ("bad-form", [WHOLE, HEAD + HEAD + b"\r\nx"]),
    ("bad-form", [WHOLE, b"Content-Type: a/b\r\n\r\nx"]),
    ("bad-form", [WHOLE, b"no colon\r\n\r\nx"]),
    ("bad-form", [WHOLE, HEAD + b"".join(b"X%d: y\r\n" % number for number in range(8)) + b"\r\nx"]),
    ("bad-form", [WHOLE, HEAD + b"X: " + b"y" * 4096 + b"\r\n\r\nx"]),
    ("bad-form", [WHOLE, HEAD + b"X: " + b"y" * 3000 + b"\r\nY: " + b"y" * 1100 + b"\r\n\r\nx"]),
    ("bad-form", [WHOLE, HEAD + b"Content-Transfer-Encoding: base64\r\n\r\neA=="]),
    ("too-large", [WHOLE, file(bytes(MAX_SIZE + 1))]),
    ("malformed", [*(Part(f"{number:02}" + "k" * 200, bytes(100)) for number in range(60)), WHOLE]),
]


async def restored(place: Place, before: tuple[list[str], int]) -> None:
    async def is_restored() -> bool:
        return place.contents() == before

    await until(is_restored)


@pytest.mark.parametrize(("code", "parts"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
async def test_a_refused_form_leaves_nothing(
    place: Place, client: PlainClient, code: str, parts: Sequence[Part | bytes]
) -> None:
    before = place.contents()
    answer = await client.post(*parts)
    assert (answer.status, answer.body.partition(b":")[0].decode()) == (413 if code == "too-large" else 400, code)
    assert "Tus-Resumable" not in answer.headers
    await restored(place, before)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", encoded([WHOLE])),
        ("multipart/form-data; boundary=", encoded([WHOLE])),
        ("multipart/form-data; boundary=" + "b" * 300, encoded([WHOLE], "b" * 300)),
        (form_fields()["Content-Type"], b"preamble\r\n" + encoded([WHOLE])),
        (form_fields()["Content-Type"], encoded([WHOLE])[: -len("--\r\n")]),
        (form_fields()["Content-Type"], encoded([WHOLE]) + bytes(300_000)),
        (form_fields()["Content-Type"], encoded([WHOLE, file(f"\r\n--{BOUNDARY}x".encode() * 200)])),
        (form_fields()["Content-Type"], encoded([WHOLE]).replace(b"--\r\n", b" " * 300_000)),
        (form_fields()["Content-Type"], b""),
    ],
    ids=["none", "empty", "long", "preamble", "open", "epilogue", "again", "blanks", "nothing"],
)
async def test_what_is_no_form_leaves_nothing(place: Place, client: PlainClient, kind: str, body: bytes) -> None:
    before = place.contents()
    answer = await client.send("POST", "", body, {"Content-Type": kind})
    assert (answer.status, answer.body.partition(b":")[0]) == (400, b"bad-form")
    await restored(place, before)


async def reached(place: Place, count: float) -> bool:
    return await place.server.metric("received_bytes_total") >= count


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_what_is_cut_leaves_nothing(place: Place, method: str) -> None:
    before, whole = place.contents(), encoded([WHOLE, file(random_bytes(300_000))])
    url = place.server.url + ("" if method == "POST" else "a.txt")
    received = await place.server.metric("received_bytes_total")
    async with requesting(method, url, content_length=len(whole), **FORM) as connection:
        await connection.send(whole[:-50_000])
        await until(partial(reached, place, received + 100_000))
        assert place.contents() != before
    await restored(place, before)


async def test_a_truncated_form_leaves_nothing(place: Place) -> None:
    """A form that is whole, but whose connection breaks one byte before its Content-Length, leaves nothing."""
    before, whole = place.contents(), encoded([WHOLE])
    received = await place.server.metric("received_bytes_total")
    async with requesting("POST", place.server.url, content_length=len(whole) + 1, **FORM) as connection:
        await connection.send(whole)
        await until(partial(reached, place, received + len(WHOLE.content)))
    await restored(place, before)


async def test_too_much_is_refused_before_it_is_sent(place: Place) -> None:
    for method, path, length in (("POST", "", MAX_SIZE + 64 * 1024 + 1), ("PUT", "a", MAX_SIZE + 1)):
        expecting = {"content_length": length, "expect": "100-continue", **FORM}
        async with requesting(method, place.server.url + path, **expecting) as connection:
            answer = await connection.answer()
            assert (answer.status, answer.body.partition(b":")[0]) == (413, b"too-large")


async def test_a_form_of_the_largest_files_is_taken(place: Place) -> None:
    body = encoded([file(bytes(MAX_SIZE))])
    async with requesting("POST", place.server.url, content_length=len(body), expect="100-continue", **FORM) as asking:
        assert (await asking.answer()).status == 100
        await asking.send(body)
        assert (await asking.answer()).status == 201


async def test_a_put_in_chunks_is_cut_at_the_limit(place: Place) -> None:
    before = place.contents()
    async with requesting("PUT", place.server.url + "a", transfer_encoding="chunked") as connection:
        await connection.send(chunked(bytes(MAX_SIZE + 1)))
        assert (await connection.answer()).status == 413
    await restored(place, before)
