"""Limits of a client's concurrent requests, of its creations in a period, and of the concurrent uploads of one client
and of all; and the end of uploads when the server shuts down."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.harness import ScriptedBody
from tusd_py.config.units import Rate
from tusd_py.domain.refusals import Refusal, ServiceUnavailable, TooManyRequests
from tusd_py.http.concurrency import Concurrency, ConcurrencyLimits


def upload(concurrency: Concurrency, client: str = "a", body: ScriptedBody | None = None) -> ExitStack:
    """Admit an upload, which ends when the returned stack is closed. Raises Refusal at a limit, or after
    `concurrency.close()`."""
    inside = ExitStack()
    inside.enter_context(concurrency.upload(client, body or ScriptedBody()))
    return inside


def request(concurrency: Concurrency, client: str = "a") -> ExitStack:
    inside = ExitStack()
    inside.enter_context(concurrency.request(client))
    return inside


def test_without_limits_everyone_comes_in() -> None:
    concurrency = Concurrency(ConcurrencyLimits())
    for _ in range(100):
        upload(concurrency)
        request(concurrency)


def test_concurrent_requests_are_limited_per_client() -> None:
    concurrency = Concurrency(ConcurrencyLimits(client_requests=2))
    first, _ = request(concurrency), request(concurrency)
    with pytest.raises(TooManyRequests):
        request(concurrency)
    request(concurrency, "b")
    first.close()
    request(concurrency)


def test_concurrent_uploads_are_limited_per_client() -> None:
    concurrency = Concurrency(ConcurrencyLimits(client_uploads=1))
    first = upload(concurrency)
    with pytest.raises(TooManyRequests):
        upload(concurrency)
    request(concurrency)
    upload(concurrency, "b")
    first.close()
    upload(concurrency)


def test_all_clients_together_have_so_many_uploads() -> None:
    concurrency = Concurrency(ConcurrencyLimits(uploads=2))
    first, _ = upload(concurrency, "a"), upload(concurrency, "b")
    with pytest.raises(ServiceUnavailable):
        upload(concurrency, "c")
    first.close()
    upload(concurrency, "c")


def test_close_stops_uploads_and_refuses_new_ones() -> None:
    concurrency, running_body, ended_body = (
        Concurrency(ConcurrencyLimits()),
        ScriptedBody(stalls=True),
        ScriptedBody(stalls=True),
    )
    upload(concurrency, body=ended_body).close()
    with upload(concurrency, body=running_body):
        concurrency.close()
        assert running_body._stopped.is_set()
        assert not ended_body._stopped.is_set()
        with pytest.raises(ServiceUnavailable):
            upload(concurrency)


def test_creation_rate_is_limited_per_client() -> None:
    concurrency = Concurrency(ConcurrencyLimits(client_creations=Rate(2, 3600)))
    concurrency.creation("a")
    concurrency.creation("a")
    with pytest.raises(TooManyRequests):
        concurrency.creation("a")
    concurrency.creation("b")
    upload(concurrency)
    request(concurrency)


def test_nothing_is_created_at_the_end_and_no_turn_is_taken() -> None:
    concurrency = Concurrency(ConcurrencyLimits(client_creations=Rate(1, 3600)))
    concurrency.close()
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            concurrency.creation("a")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
def test_limits_hold_for_random_arrivals(moves: list[tuple[str, bool]]) -> None:
    """Uploads that begin and end at random are refused exactly while there are 4, or 2 of the same client: those that
    have ended don't count."""
    concurrency, inside = Concurrency(ConcurrencyLimits(uploads=4, client_uploads=2)), list[tuple[str, ExitStack]]()
    for client, comes in moves:
        own = [entry for entry in inside if entry[0] == client]
        if comes:
            full = len(own) == 2 or len(inside) == 4
            try:
                inside.append((client, upload(concurrency, client)))
            except Refusal:
                assert full
            else:
                assert not full
        elif own:
            inside.remove(own[0])
            own[0][1].close()
    for _, entry in inside:
        entry.close()
    assert not concurrency._uploads
    assert not concurrency._bodies
