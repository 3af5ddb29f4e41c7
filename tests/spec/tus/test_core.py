"""Version, OPTIONS, method override and what holds for every request (tus 1.0, Core Protocol)."""

from __future__ import annotations

import re

import pytest

from tests.support.raw import connected
from tests.support.tus import OCTETS, VERSION, TusClient, encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOT_INTEGERS = ["-1", "+1", "1.0", "0x1", "", "1, 1", "1" * 30, "\u0661"]
NOT_IDS = ["..%2f..%2fetc", "%00", "a" * 10_000, "{id}", "%ff", "A" * 32, "0" * 31, "a/b", "%0d%0aX:1", "%3f"]


@pytest.mark.parametrize("version", ["0.2.2", None], ids=["t1_other", "t2_none"])
async def test_t1_t2_other_version_is_412_with_tus_version(tus: TusClient, version: str | None) -> None:
    upload, created = await tus.create(5, b"abc"), await tus.metric("uploads_created_total")
    answers = [
        await tus.post(upload_length=5, tus_resumable=version),
        await tus.patch(upload, 3, b"de", tus_resumable=version),
        await tus.request("DELETE", upload, tus_resumable="0.2.2"),
    ]
    assert [(answer.status, answer.headers["Tus-Version"]) for answer in answers] == [(412, VERSION)] * 3
    assert await tus.offset(upload) == 3
    assert await tus.metric("uploads_created_total") == created


async def test_t3_head_and_get_are_served_without_tus_resumable(tus: TusClient) -> None:
    upload = await tus.create(5, b"hello")
    for version in (None, "2.0.0"):
        assert (await tus.head(upload, tus_resumable=version)).offset == 5
    assert (await tus.get(upload, tus_resumable=None)).body == b"hello"


async def test_t4_every_answer_but_that_to_options_says_tus_resumable(tus: TusClient) -> None:
    upload, unknown = await tus.create(5, b"abc"), tus.url + "0" * 32
    final = (await tus.final(*await tus.partials(b"x"))).url
    bad = {"upload_checksum": f"sha1 {encoded(bytes(20))}"}
    answers = [
        await tus.post(upload_length=1),
        await tus.head(upload),
        await tus.patch(upload, 3, b"d"),
        await tus.post(),
        await tus.patch(final, 0, b"x"),
        await tus.head(unknown),
        await tus.request("PUT", upload),
        await tus.patch(upload, 0, b"x"),
        await tus.post(upload_length=1, tus_resumable="0.2.2"),
        await tus.patch(upload, 4, b"efgh"),
        await tus.patch(upload, 4, b"e", content_type="text/plain"),
        await tus.request("POST", tus.url, upload_length=1, expect="miracles"),
        await tus.patch(upload, 4, b"e", **bad),
        await tus.delete(upload),
    ]
    statuses = [201, 200, 204, 400, 403, 404, 405, 409, 412, 413, 415, 417, 460, 204]
    assert [(answer.status, answer.headers.get("Tus-Resumable")) for answer in answers] == [
        (status, VERSION) for status in statuses
    ]


@pytest.mark.parametrize("version", [None, "9.9.9"])
async def test_t5_options_is_204_whatever_version_is_asked_for(tus: TusClient, version: str | None) -> None:
    answer = await tus.options(tus_resumable=version)
    assert answer.status == 204
    assert answer.headers["Tus-Version"] == VERSION
    assert "Tus-Resumable" not in answer.headers


async def test_t6_lists_have_no_blanks_after_their_commas(tus: TusClient) -> None:
    headers = (await tus.options()).headers
    assert headers["Tus-Version"].split(",")[0] == VERSION
    for name in ("Tus-Version", "Tus-Extension", "Tus-Checksum-Algorithm"):
        assert " " not in headers[name]


async def test_t7_tus_extension_lists_exactly_what_is_enabled(tus: TusClient, tus_strict: TusClient) -> None:
    always = {"creation", "creation-with-upload", "creation-defer-length", "checksum"}
    optional = {"expiration", "termination", "concatenation"}
    assert set((await tus.options()).headers["Tus-Extension"].split(",")) == always | optional
    assert set((await tus_strict.options()).headers["Tus-Extension"].split(",")) == always


async def test_t7_what_is_switched_off_fails(tus_strict: TusClient) -> None:
    upload = await tus_strict.create(5, b"hello")
    assert (await tus_strict.delete(upload)).status == 405
    assert (await tus_strict.get(upload)).status == 405
    assert (await tus_strict.post(upload_length=1, upload_concat="partial")).status == 400
    assert (await tus_strict.final(upload)).status == 400
    assert await tus_strict.offset(upload) == 5


async def test_t8_tus_max_size_is_said_if_there_is_one(tus: TusClient, tus_strict: TusClient) -> None:
    assert (await tus_strict.options()).headers["Tus-Max-Size"] == "1000"
    assert "Tus-Max-Size" not in (await tus.options()).headers


async def test_t9_options_works_on_every_url(tus: TusClient) -> None:
    upload = await tus.create(5)
    for url in (tus.url, tus.url.rstrip("/"), upload, tus.url + "0" * 32):
        assert (await tus.options(url)).status == 204


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
async def test_t10_no_override_makes_a_method_of_less_into_one_of_more(tus: TusClient, method: str) -> None:
    """A GET, PUT or HEAD with X-HTTP-Method-Override: DELETE deletes nothing: a proxy, firewall or prefetcher that lets
    GET through means GET."""
    upload = await tus.create(5)
    await tus.request(method, upload, x_http_method_override="DELETE")
    assert await tus.offset(upload) == 0


async def test_t10_the_override_of_a_post_counts(tus: TusClient) -> None:
    upload, method = await tus.create(5), "POST"
    fields = {"upload_offset": 0, "content_type": OCTETS}
    patched = await tus.request(method, upload, b"abc", **fields, x_http_method_override="PATCH")
    assert (patched.status, patched.offset) == (204, 3)
    answer = await tus.request(method, upload, x_http_method_override="head")
    assert (answer.status, answer.offset, answer.body) == (200, 3, b"")
    assert (await tus.request(method, upload, x_http_method_override="Delete")).status == 204
    assert (await tus.head(upload)).status == 404


async def test_t10_the_method_that_is_meant_is_counted(tus: TusClient) -> None:
    async def count() -> float:
        text = (await tus.get(f"http://127.0.0.1:{tus.port}/metrics")).body.decode()
        match = re.search(r'requests_total\{method="DELETE",status="204"\} (\S+)', text)
        return float(match[1]) if match else 0.0

    before = await count()
    assert (await tus.request("POST", await tus.create(5), x_http_method_override="DELETE")).status == 204
    assert await count() == before + 1


async def test_t10_the_override_may_ask_for_the_capabilities(tus: TusClient) -> None:
    answer = await tus.request("POST", tus.url, x_http_method_override="OPTIONS")
    assert (answer.status, answer.headers["Tus-Version"]) == (204, VERSION)


async def test_t10_unknown_method_override_is_405(tus: TusClient) -> None:
    """A POST with an unknown method as its override answers 405; an override changes no OPTIONS request."""
    upload = await tus.create(5)
    assert (await tus.request("POST", upload, x_http_method_override="BREW")).status == 405
    assert (await tus.options(upload, x_http_method_override="DELETE")).status == 204
    assert await tus.offset(upload) == 0


async def test_t11_trailing_slash_never_redirects(tus: TusClient) -> None:
    for url in (tus.url, tus.url.rstrip("/")):
        answer = await tus.request("POST", url, upload_length=1)
        assert answer.status == 201
        assert answer.url.startswith(tus.url)
    upload = await tus.create(1)
    assert (await tus.head(f"{upload}/")).status == 200


@pytest.mark.parametrize("number", NOT_INTEGERS)
async def test_t12_only_digits_are_a_length_or_an_offset(tus: TusClient, number: str) -> None:
    upload, value = await tus.create(5, b"abc"), number.encode().decode("latin-1")
    async with connected(tus.port) as connection:
        await connection.head("POST", tus.url, upload_length=value, content_length=0)
        assert (await connection.answer()).status == 400
    async with connected(tus.port) as connection:
        await connection.head("PATCH", upload, upload_offset=value, content_type=OCTETS, content_length=0)
        assert (await connection.answer()).status == 400
    assert await tus.offset(upload) == 3


async def test_t12_a_field_sent_twice_is_a_list_and_no_integer(tus: TusClient) -> None:
    upload = await tus.create(5, b"abc")
    async with connected(tus.port) as connection:
        await connection.head("PATCH", upload, upload_offset="3\r\nUpload-Offset: 0", content_type=OCTETS)
        assert (await connection.answer()).status == 400
    assert await tus.offset(upload) == 3


@pytest.mark.parametrize("name", NOT_IDS, ids=range(len(NOT_IDS)))
@pytest.mark.parametrize("method", ["HEAD", "GET", "PATCH", "DELETE"])
async def test_t13_what_is_no_id_is_404(tus: TusClient, method: str, name: str) -> None:
    async with connected(tus.port) as connection:
        await connection.head(method, f"/files/{name}", upload_offset=0, content_type=OCTETS)
        assert (await connection.answer(head=method == "HEAD")).status == 404


async def test_t14_line_breaks_in_metadata_stay_in_base64(tus: TusClient) -> None:
    evil = f"filename {encoded(b'a' + chr(13).encode() + b'%cX-Evil: 1' % 10)}"
    upload = await tus.create(1, b"x", upload_metadata=evil)
    assert (await tus.head(upload)).headers["Upload-Metadata"] == evil
    assert "X-Evil" not in (await tus.get(upload)).headers
    assert "X-Evil" not in (await tus.head(upload)).headers


async def test_t14_ambiguous_framing_is_400_and_closes(tus: TusClient) -> None:
    upload = await tus.create(10)
    async with connected(tus.port) as connection:
        await connection.patch(upload, 0, content_length=5, transfer_encoding="chunked")
        assert (await connection.read_rest()).split()[1] == b"400"
    assert await tus.offset(upload) == 0


async def test_an_unknown_expectation_is_417(tus: TusClient) -> None:
    async with connected(tus.port) as connection:
        await connection.head("POST", tus.url, upload_length=1, content_length=0, expect="miracles")
        assert (await connection.answer()).status == 417


async def test_answers_do_not_say_which_versions_serve_them(tus: TusClient) -> None:
    for url in (tus.url, f"http://127.0.0.1:{tus.port}/nowhere"):
        assert (await tus.request("GET", url)).headers["Server"] == "tusd-py"


async def test_a_request_id_comes_back_if_it_is_harmless(tus: TusClient) -> None:
    assert (await tus.post(x_request_id="a-1")).headers["X-Request-ID"] == "a-1"
    assert "X-Request-ID" not in (await tus.post(x_request_id="x" * 1000)).headers


async def test_errors_speak_in_a_line_with_a_stable_code(tus: TusClient) -> None:
    answer = await tus.post()
    assert answer.body.startswith(b"malformed: ")
    assert answer.body.endswith(b"\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
