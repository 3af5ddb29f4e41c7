"""Who may come in, and how many at a time."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.harness import ScriptedBody
from tusd_py.config.units import Rate
from tusd_py.domain.refusals import Refusal, ServiceUnavailable, TooManyRequests
from tusd_py.http.admission import Admission, AdmissionLimits


def upload(admission: Admission, client: str = "a", body: ScriptedBody | None = None) -> ExitStack:
    """One that has been let in, until it is closed."""
    inside = ExitStack()
    inside.enter_context(admission.upload(client, body or ScriptedBody()))
    return inside


def request(admission: Admission, client: str = "a") -> ExitStack:
    inside = ExitStack()
    inside.enter_context(admission.request(client))
    return inside


def test_without_limits_everyone_comes_in() -> None:
    admission = Admission(AdmissionLimits())
    for _ in range(100):
        upload(admission)
        request(admission)


def test_one_client_has_so_many_requests_at_a_time_and_the_next_one_its_own() -> None:
    admission = Admission(AdmissionLimits(client_requests=2))
    first, _ = request(admission), request(admission)
    with pytest.raises(TooManyRequests):
        request(admission)
    request(admission, "b")
    first.close()
    request(admission)


def test_one_client_has_so_many_uploads_at_a_time_and_the_next_one_its_own() -> None:
    admission = Admission(AdmissionLimits(client_uploads=1))
    first = upload(admission)
    with pytest.raises(TooManyRequests):
        upload(admission)
    request(admission)
    upload(admission, "b")
    first.close()
    upload(admission)


def test_all_clients_together_have_so_many_uploads() -> None:
    admission = Admission(AdmissionLimits(uploads=2))
    first, _ = upload(admission, "a"), upload(admission, "b")
    with pytest.raises(ServiceUnavailable):
        upload(admission, "c")
    first.close()
    upload(admission, "c")


def test_at_the_end_those_who_are_in_are_asked_to_stop_and_nobody_else_comes_in() -> None:
    admission, here, gone = Admission(AdmissionLimits()), ScriptedBody(stalls=True), ScriptedBody(stalls=True)
    upload(admission, body=gone).close()
    with upload(admission, body=here):
        admission.close()
        assert here._stopped.is_set()
        assert not gone._stopped.is_set()
        with pytest.raises(ServiceUnavailable):
            upload(admission)


def test_one_client_creates_so_many_uploads_in_a_while_and_the_next_one_its_own() -> None:
    admission = Admission(AdmissionLimits(client_creations=Rate(2, 3600)))
    admission.creation("a")
    admission.creation("a")
    with pytest.raises(TooManyRequests):
        admission.creation("a")
    admission.creation("b")
    upload(admission)
    request(admission)


def test_nothing_is_created_at_the_end_and_no_turn_is_taken() -> None:
    admission = Admission(AdmissionLimits(client_creations=Rate(1, 3600)))
    admission.close()
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            admission.creation("a")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
def test_whoever_comes_and_goes_limits_hold_and_nobody_gone_is_counted(moves: list[tuple[str, bool]]) -> None:
    admission, inside = Admission(AdmissionLimits(uploads=4, client_uploads=2)), list[tuple[str, ExitStack]]()
    for client, comes in moves:
        theirs = [each for each in inside if each[0] == client]
        if comes:
            full = len(theirs) == 2 or len(inside) == 4
            try:
                inside.append((client, upload(admission, client)))
            except Refusal:
                assert full
            else:
                assert not full
        elif theirs:
            inside.remove(theirs[0])
            theirs[0][1].close()
    for _, each in inside:
        each.close()
    assert not admission._uploads
    assert not admission._bodies
