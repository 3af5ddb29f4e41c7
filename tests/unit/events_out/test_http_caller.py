"""Calls of hooks over HTTP: the requests that are sent, and the outcome for each answer and failure of the receiver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from devtools.certificates import certify
from devtools.ports import free_port
from tests.support.deliveries import READER, delivery
from tests.support.receiver import Receiver, receiving, status
from tusd_py.domain.caller import Caller
from tusd_py.domain.trace import Trace
from tusd_py.events_out.formats import FORMATS
from tusd_py.events_out.formats.facts import Message
from tusd_py.events_out.hooks.call import Call, CallFailed
from tusd_py.events_out.hooks.http import HttpCaller, retry_after
from tusd_py.events_out.signing import Signer
from tusd_py.events_out.sinks.hook import HookSink
from tusd_py.ports.sink import DeliveryFailed, Sink
from tusd_py.version import __version__

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECONDS = 20.0


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as server:
        yield server


def sink_to(url: str, *, form: str = "tusd", seconds: float = SECONDS, forward: tuple[str, ...] = ()) -> HookSink:
    return HookSink(HttpCaller(url, Signer([SECRET])), READER, FORMATS[form], seconds, forward)


@pytest.fixture
async def sink(receiver: Receiver) -> AsyncIterator[Sink]:
    http_sink = sink_to(receiver.url)
    yield http_sink
    await http_sink.aclose()


async def failure(sink: Sink) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await sink.publish(delivery())
    return caught.value


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
async def test_any_2xx_is_done_whatever_its_body(code: int, receiver: Receiver, sink: Sink) -> None:
    receiver.always = lambda _: web.Response(status=code, body=b"" if code == 204 else b"no JSON \xff" * 9999)
    await sink.publish(delivery())


@pytest.mark.parametrize("code", [301, 302, 307, 308, 400, 401, 404, 429, 500, 502, 503, 504])
async def test_any_other_status_fails_and_no_redirect_is_followed(code: int, receiver: Receiver, sink: Sink) -> None:
    receiver.always = status(code, Location=receiver.url)
    failed = await failure(sink)
    assert (str(failed), failed.retry_after, failed.unsubscribed) == (f"HTTP {code}", None, False)
    assert len(receiver.arrivals) == 1


async def test_410_ends_the_subscription(receiver: Receiver, sink: Sink) -> None:
    receiver.always = status(410)
    assert (await failure(sink)).unsubscribed


@pytest.mark.parametrize(("code", "seconds"), [(429, 120.0), (503, 120.0), (500, None), (404, None)])
async def test_retry_after_counts_for_two_statuses(
    code: int,
    seconds: float | None,
    receiver: Receiver,
    sink: Sink,
) -> None:
    receiver.always = status(code, Retry_After="120")
    assert (await failure(sink)).retry_after == seconds


def test_retry_after_is_a_number_or_a_date_or_nothing() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 90.0 < (retry_after({"Retry-After": soon}) or 0.0) <= 100.0
    assert retry_after({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}) == 0.0
    assert retry_after({"Retry-After": " 7 "}) == 7.0
    assert retry_after({"Retry-After": "9" * 400}) == 7 * 86_400.0
    assert [retry_after({"Retry-After": text}) for text in ("", "soon", "-1", "1.5", "\u0661")] == [None] * 5
    for far in ("01 Jan 99999999999999999999 00:00:00 GMT", "01 Jan 2026 99999999999999999999:00:00 GMT"):
        assert retry_after({"Retry-After": f"Mon, {far}"}) is None
    for zone in ("+99999999999999999999", "-9999"):
        assert retry_after({"Retry-After": f"Fri, 31 Dec 9999 23:59:59 {zone}"}) in (None, 7 * 86_400.0)
    assert retry_after({}) is None


async def test_a_cut_connection_fails(receiver: Receiver, sink: Sink) -> None:
    receiver.always = "cut"
    assert str(await failure(sink)) == "connection broken"


async def test_a_silent_receiver_is_left_after_the_timeout(receiver: Receiver) -> None:
    receiver.always = "hang"
    sink = sink_to(receiver.url, seconds=0.2)
    assert str(await failure(sink)) == "timeout"
    await sink.aclose()


async def test_an_endless_answer_is_left() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)
            await asyncio.sleep(0)

    app = web.Application()
    app.router.add_post("/", endless)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    sink = sink_to(f"http://127.0.0.1:{port}/")
    await sink.publish(delivery())
    await sink.aclose()
    await runner.cleanup()


async def test_a_receiver_that_is_not_there_fails() -> None:
    sink = sink_to(f"http://u:s3cret@127.0.0.1:{free_port()}/?key=s3cret")
    assert str(await failure(sink)) == "no connection"
    await sink.aclose()


async def test_what_is_not_http_fails() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"hello\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    sink = sink_to(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert str(await failure(sink)) == "connection broken"
    await sink.aclose()
    server.close()


@asynccontextmanager
async def half_answering(code: int, *, cut: bool) -> AsyncIterator[str]:
    """Yield the URL of a receiver that sends a status and announces 100 bytes, but sends none: with `cut` it closes the
    connection, else it stays silent."""
    over = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d Word\r\nContent-Length: 100\r\n\r\n" % code)
        await writer.drain()
        if not cut:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    over.set()
    server.close()


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "stalled"])
async def test_an_event_needs_the_status_alone(cut: bool) -> None:  # noqa: FBT001  a case
    async with half_answering(200, cut=cut) as url:
        sink = sink_to(url)
        await sink.publish(delivery())
        await sink.aclose()
    async with half_answering(410, cut=cut) as url:
        sink = sink_to(url)
        assert (await failure(sink)).unsubscribed
        await sink.aclose()


@pytest.mark.parametrize(("cut", "reason"), [(True, "connection broken"), (False, "timeout")])
async def test_a_question_needs_the_whole_answer(cut: bool, reason: str) -> None:  # noqa: FBT001  a case
    """A call of a hook fails if the answer announces a body that doesn't arrive: taken as empty, it would mean yes."""
    async with half_answering(200, cut=cut) as url:
        caller = HttpCaller(url, Signer([SECRET]))
        with pytest.raises(CallFailed, match=reason):
            await caller.call(Call(id="ask_1", message=Message(name="pre-create", body=b"{}")), 0.3)
        await caller.aclose()


async def test_a_call_names_itself_and_forwards_what_it_should(receiver: Receiver) -> None:
    sink = sink_to(receiver.url, forward=("x-FORWARD", "Authorization", "Host", "X-Missing"))
    await sink.publish(delivery())
    [arrival] = receiver.arrivals
    assert arrival.headers["User-Agent"] == f"tusd-py/{__version__}"
    assert arrival.headers["Content-Type"] == "application/json"
    assert arrival.headers["webhook-id"] == f"evt_{1:032x}_finished"
    assert arrival.headers["webhook-signature"].startswith("v1,")
    assert [name for name, value in arrival.headers.items() if value == "this"] == ["x-FORWARD"]
    assert "Authorization" not in arrival.headers, "it was not stored"
    assert arrival.headers["Host"].startswith("127.0.0.1:")
    await sink.aclose()


@pytest.mark.parametrize("forward", [(), ("Traceparent",)])
async def test_call_carries_own_or_forwarded_trace(forward: tuple[str, ...], receiver: Receiver) -> None:
    """A call carries the server's trace, or the client's if there is one and `traceparent` is a forwarded header."""
    sink, client_trace = sink_to(receiver.url, forward=forward), f"00-{'1' * 32}-{'2' * 16}-01"
    own_trace = Trace(f"00-{'1' * 32}-{'3' * 16}-01", "a=1")
    await sink.publish(delivery(caller=Caller(headers={"traceparent": client_trace}, span=own_trace)))
    [arrival] = receiver.arrivals
    assert arrival.headers.getall("traceparent") == [client_trace if forward else own_trace.parent]
    assert arrival.headers.get("tracestate") == (None if forward else "a=1")
    await sink.aclose()


@pytest.mark.parametrize("form", ["cloudevents", "cloudevents-binary", "s3"])
async def test_every_format_is_signed(form: str, receiver: Receiver) -> None:
    sink = sink_to(receiver.url, form=form)
    await sink.publish(delivery())
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= {*map(str.lower, receiver.arrivals[0].headers)}
    await sink.aclose()


async def test_certificates_are_verified_unless_told_otherwise(tmp_path: Path) -> None:
    async with receiving(tls=certify("127.0.0.1", tmp_path).serving()) as receiver:
        careful = sink_to(receiver.url)
        assert str(await failure(careful)) == "certificate not accepted"
        careless = HookSink(HttpCaller(receiver.url, Signer(), verify=False), READER, FORMATS["tusd"], SECONDS)
        await careless.publish(delivery())
        await careful.aclose()
        await careless.aclose()
    assert len(receiver.arrivals) == 1
