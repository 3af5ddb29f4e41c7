"""The dashboard's HTML and the tokens of its forms."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import cast
from unittest.mock import AsyncMock

import pytest
from aiohttp import web

from tests.support.uploads import changed, upload
from tusd_py.domain.job import Job, JobId, JobPhase
from tusd_py.domain.job_faults import JobEnded
from tusd_py.domain.phase import Phase
from tusd_py.domain.principal import Principal
from tusd_py.domain.rights import Watcher
from tusd_py.domain.upload import Kind
from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.http.context import Context
from tusd_py.http.dashboard import shell
from tusd_py.http.dashboard.board import Board, Viewer
from tusd_py.http.dashboard.form_tokens import FormTokens
from tusd_py.http.dashboard.items import Forms, backlog_item, job_item, upload_item
from tusd_py.http.handlers import dashboard
from tusd_py.ports.outbox import Backlog

NOW = 1_000_000.0
ALICE, BOB = Principal(subject="alice"), Principal(subject="bob")
FORMS = Forms(
    page="/dashboard",
    tokens={"terminate": "t", "cancel": "c"},
    terminates=True,
    cancels=True,
    cancels_required=False,
)
KEY = f"u-{1:032x}"


def test_a_token_is_good_for_an_hour_a_principal_and_an_action() -> None:
    tokens = FormTokens("a" * 32)
    token = tokens.token("cancel", ALICE, NOW)
    assert tokens.check(token, "cancel", ALICE, NOW + 3599)
    assert FormTokens("a" * 32).check(token, "cancel", ALICE, NOW)
    assert not tokens.check(token, "cancel", ALICE, NOW + 3600)
    assert not tokens.check(token, "cancel", BOB, NOW)
    assert not tokens.check(token, "cancel", replace(ALICE, tenant="x"), NOW)
    assert not tokens.check(token, "cancel", None, NOW)
    assert not tokens.check(token, "terminate", ALICE, NOW)
    assert not FormTokens("b" * 32).check(token, "cancel", ALICE, NOW)


def test_a_token_that_was_made_up_is_not_good() -> None:
    tokens = FormTokens("a" * 32)
    expiry, _, tag = tokens.token("cancel", None, NOW).partition(".")
    assert tokens.check(f"{expiry}.{tag}", "cancel", None, NOW)
    for token in ("", ".", f"{int(expiry) + 1}.{tag}", f"{expiry}.{tag[::-1]}", f"{expiry}.", tag, f"-1.{tag}", "1.é"):
        assert not tokens.check(token, "cancel", None, NOW)


def test_the_shell_has_text_enough_to_be_painted_at_once() -> None:
    text = re.sub(r"<style.*?</style>|<[^>]+>|\s", "", shell.head("n"), flags=re.DOTALL)
    assert len(text) >= 250


def test_the_uploads_that_move_are_read_again() -> None:
    """A page with 150 unfinished uploads reads again the 100 that were shown or changed last."""
    viewer = Viewer(watcher=Watcher(sees_all=True), forms=FORMS, endpoint="https://host/files/", nonce="n")
    board = Board(cast("Context", SimpleNamespace(engine=None)), viewer, cast("BodyStream", None))
    uploads = [upload(number) for number in range(150)]
    for item in (*uploads, uploads[0]):
        board._upload_item(item)
    assert board._looked_at() == [item.id for item in (*uploads[51:], uploads[0])]


def test_texts_of_clients_stay_texts() -> None:
    hostile = "<script>x</script>\"'&</style>"
    item = upload_item(upload(metadata={"filename": hostile.encode()}, owner=hostile), "https://host/a", FORMS)
    html = str(item.element)
    assert "<script" not in html
    assert "</style" not in html
    assert html.count("&lt;script&gt;x&lt;/script&gt;&#34;&#39;&amp;&lt;/style&gt;") == 2
    assert hostile not in "".join(item.rules)


def test_a_bar_shows_whole_percent() -> None:
    def percent(length: int | None, offset: int, phase: Phase = Phase.OPEN) -> str:
        item = upload_item(changed(upload(), length=length, offset=offset, phase=phase), "u", FORMS)
        return item.rules[0]

    assert percent(10, 4) == f".{KEY}{{--p:40}}"
    assert percent(3, 2) == f".{KEY}{{--p:66}}"
    assert percent(1000, 999) == f".{KEY}{{--p:99}}"
    assert percent(None, 999) == f".{KEY}{{--p:0}}"
    assert percent(0, 0) == f".{KEY}{{--p:0}}"
    assert percent(0, 0, Phase.DONE) == f".{KEY}{{--p:100}}"


@pytest.mark.parametrize("phase", [Phase.OPEN, Phase.DONE])
@pytest.mark.parametrize("terminates_finished", [True, False])
def test_a_finished_upload_can_be_terminated_where_allowed(phase: Phase, *, terminates_finished: bool) -> None:
    """If clients may terminate uploads, one that isn't partial has a form for that while it is open, and once it is
    finished if `terminates_finished`; else a CSS rule hides the form that the page may already show."""
    terminable = terminates_finished or phase is Phase.OPEN
    item = upload_item(upload(phase=phase), "u", replace(FORMS, terminates_finished=terminates_finished))
    assert ("<form" in str(item.element)) == terminable
    assert (f".{item.key} form{{display:none}}" in item.rules) != terminable


def test_a_finished_partial_upload_can_always_be_terminated() -> None:
    item = upload_item(upload(kind=Kind.PARTIAL, phase=Phase.DONE), "u", replace(FORMS, terminates_finished=False))
    assert "<form" in str(item.element)
    assert len(item.rules) == 2


def test_forms_are_there_for_what_can_be_done() -> None:
    assert 'action="/dashboard/uploads/' in str(upload_item(upload(), "u", FORMS).element)
    assert "<form" not in str(upload_item(upload(), "u", replace(FORMS, terminates=False)).element)
    job = Job(id=JobId("b" * 32), upload_id=None, kind="scan", created_at=1, updated_at=1, due_at=1)
    assert f'action="/dashboard/jobs/{"b" * 32}/cancel"' in str(job_item(job, FORMS).element)
    ended = job_item(replace(job, phase=JobPhase.DONE), FORMS)
    assert ended.rules[1:] == [f'.j-{"b" * 32}{{--phase:"done"}}', f".j-{'b' * 32} form{{display:none}}"]


def test_a_done_job_has_a_full_bar() -> None:
    """The bar of a job that is done is full, also if its total was never known; of a running one it is empty then."""
    job = Job(id=JobId("b" * 32), upload_id=None, kind="export", created_at=1, updated_at=1, due_at=1, done=7)
    running = replace(job, phase=JobPhase.RUNNING)
    for job, percent in ((running, 0), (replace(running, phase=JobPhase.DONE), 100)):
        assert f".j-{job.id}{{--p:{percent}}}" in job_item(job, FORMS).rules


def test_a_job_that_cant_be_cancelled_has_no_form() -> None:
    job = Job(id=JobId("b" * 32), upload_id=None, kind="scan", created_at=1, updated_at=1, due_at=1, required=True)
    assert "<form" not in str(job_item(job, FORMS).element)
    assert "<form" in str(job_item(job, replace(FORMS, cancels_required=True)).element)
    assert "<form" not in str(job_item(replace(job, required=False, result={}), FORMS).element)


def test_the_form_of_a_job_disappears_once_its_result_is_known() -> None:
    job = Job(id=JobId("b" * 32), upload_id=None, kind="scan", created_at=1, updated_at=1, due_at=1, result={})
    assert job_item(job, FORMS).rules[-1] == f".j-{'b' * 32} form{{display:none}}"


async def test_cancelling_a_job_whose_result_is_known_shows_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(id=JobId("b" * 32), upload_id=None, kind="scan", created_at=1, updated_at=1, due_at=1, result={})
    monkeypatch.setattr(dashboard, "watcher_of", lambda *_: Watcher(sees_all=True))
    jobs = SimpleNamespace(load=AsyncMock(return_value=job))
    cancel, state = AsyncMock(side_effect=JobEnded), SimpleNamespace(jobs=jobs)
    context = cast("Context", SimpleNamespace(engine=SimpleNamespace(state=state), cancel_job=cancel))
    await dashboard._cancel(cast("web.Request", SimpleNamespace(match_info={"id": job.id})), context)
    cancel.assert_awaited_once()


def test_a_backlog_is_told_in_numbers() -> None:
    item = backlog_item(2, Backlog(sink="https://a/<b>", pending=3, dead=1, oldest=None))
    assert "https://a/&lt;b&gt;" in str(item.element)
    assert item.rules == [".s-2{--pending:3;--dead:1}"]
