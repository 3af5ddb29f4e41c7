from __future__ import annotations

import pytest
from multidict import CIMultiDict

from tusd_py.domain.metadata import Metadata
from tusd_py.domain.span import Span
from tusd_py.serving.dates import format_http_date
from tusd_py.serving.plan import DownloadPlan, ServedObject, plan_download

MODIFIED = 1_700_000_000.75
METADATA: Metadata = {"filename": b"cat.png", "filetype": b"image/png"}


def get(
    length: int = 100, method: str = "GET", metadata: Metadata = METADATA, *, saved: bool = False, **headers: str
) -> DownloadPlan:
    obj = ServedObject(length=length, etag="v1", modified=MODIFIED, metadata=metadata, saved=saved)
    return plan_download(method, CIMultiDict({k.replace("_", "-"): v for k, v in headers.items()}), obj)


def test_whole_object_has_all_headers() -> None:
    """A GET of a whole object is a 200 with the headers that clients need to show, cache and resume it."""
    plan = get()
    assert (plan.status, plan.span) == (200, Span(0, 100))
    assert plan.headers == {
        "ETag": '"v1"',
        "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT",
        "Accept-Ranges": "bytes",
        "Content-Length": "100",
        "Content-Type": "image/png",
        "Content-Disposition": 'inline; filename="cat.png"',
        "Cache-Control": "private, no-transform",
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; media-src 'self'",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }


def test_range_adds_content_range_only() -> None:
    plan = get(range="bytes=10-19")
    assert (plan.status, plan.span) == (206, Span(10, 20))
    assert plan.headers == {**get().headers, "Content-Length": "10", "Content-Range": "bytes 10-19/100"}


@pytest.mark.parametrize(("range_field", "span"), [("bytes=90-", Span(90, 100)), ("bytes=-5", Span(95, 100))])
def test_open_and_suffix_ranges_are_partial_content(range_field: str, span: Span) -> None:
    assert (get(range=range_field).status, get(range=range_field).span) == (206, span)


def test_a_range_of_everything_is_still_partial_content() -> None:
    assert get(range="bytes=0-").headers["Content-Range"] == "bytes 0-99/100"


def test_a_range_outside_the_object_is_told_its_length() -> None:
    plan = get(range="bytes=100-")
    assert (plan.status, plan.span, plan.headers["Content-Range"]) == (416, None, "bytes */100")


def test_several_ranges_get_the_whole_object() -> None:
    assert get(range="bytes=0-1,5-6") == get()


def test_a_range_means_nothing_to_head() -> None:
    assert get(method="HEAD", range="bytes=0-1") == get(method="HEAD") == get()


def test_an_empty_object_is_served_whole() -> None:
    plan = get(length=0)
    assert (plan.status, plan.span, plan.headers["Content-Length"]) == (200, Span(0, 0), "0")


@pytest.mark.parametrize(
    ("range_field", "status"), [("bytes=0-", 416), ("bytes=0-0", 416), ("bytes=-0", 416), ("bytes=-1", 200)]
)
def test_an_empty_object_has_no_range_to_give(range_field: str, status: int) -> None:
    assert get(length=0, range=range_field).status == status


def test_a_copy_that_is_current_is_not_sent_again() -> None:
    plan = get(if_none_match='"v1"', range="bytes=0-1")
    assert (plan.status, plan.span) == (304, None)
    assert plan.headers == {"ETag": '"v1"', "Cache-Control": "private, no-transform"}


def test_a_failed_precondition_outranks_an_impossible_range() -> None:
    plan = get(if_match='"v2"', range="bytes=500-")
    assert (plan.status, plan.span) == (412, None)


def test_a_part_of_another_version_is_answered_with_the_whole() -> None:
    assert get(if_range='"v2"', range="bytes=0-1") == get()
    assert get(if_range='"v2"', range="bytes=500-") == get()


def test_a_part_of_this_version_goes_on() -> None:
    assert get(if_range='"v1"', range="bytes=0-1").status == 206
    assert get(if_range=format_http_date(int(MODIFIED)), range="bytes=0-1").status == 206


@pytest.mark.parametrize("kind", ["application/zip", "application/json", "font/woff2", "text/csv"])
def test_unlisted_content_is_an_attachment_of_its_own_type(kind: str) -> None:
    headers = get(metadata={"filetype": kind.encode()}).headers
    assert (headers["Content-Type"], headers["Content-Disposition"]) == (kind, "attachment")


@pytest.mark.parametrize(
    "kind",
    [
        *("text/html", "image/svg+xml", "application/pdf", "text/css", "application/wasm", "application/xml"),
        *("text/javascript", "application/javascript", "application/ecmascript", "application/x-javascript"),
        *("text/javascript; charset=utf-8", "text/vbscript", "application/xhtml+xml", "text/xml", "TEXT/CSS"),
        *("multipart/x-mixed-replace", "application/mathml+xml", "text/livescript", "text/jscript"),
    ],
)
def test_what_could_run_in_a_page_has_no_type_that_lets_it(kind: str) -> None:
    headers = get(metadata={"filetype": kind.encode()}).headers
    assert (headers["Content-Type"], headers["Content-Disposition"]) == ("application/octet-stream", "attachment")


def test_a_reader_may_want_to_save_what_could_be_shown() -> None:
    metadata = {"filetype": b"image/png", "filename": b"x.png"}
    assert get(metadata=metadata).headers["Content-Disposition"] == 'inline; filename="x.png"'
    assert get(metadata=metadata, saved=True).headers["Content-Disposition"] == 'attachment; filename="x.png"'


def test_an_invalid_type_is_an_attachment_of_unknown_type() -> None:
    headers = get(metadata={"filetype": b"image/png; a=1; a=1", "filename": b"x"}).headers
    assert (headers["Content-Type"], headers["Content-Disposition"]) == (
        "application/octet-stream",
        'attachment; filename="x"',
    )
