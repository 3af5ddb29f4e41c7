"""The matrix of rights, held on every wire: which caller may make which request to which upload."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from tests.spec.auth.conftest import TOKEN_SECRET
from tests.spec.auth.stock import (
    CALLERS,
    CONTINUE,
    CREATE,
    HEAD,
    LINKED,
    ORIGIN,
    OTHER,
    PREFLIGHT,
    Ask,
    Stock,
    alice,
)
from tests.support.logins import Fields
from tests.support.raw import RawAnswer, connected
from tusd_py.auth.terms import Terms
from tusd_py.auth.tokens import TokenIssuer

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRANGERS = ("none", "expired", "forged")
ROWS = {"create": CREATE, "head": HEAD, "continue": CONTINUE, "other": OTHER, "linked": LINKED, "preflight": PREFLIGHT}
CELLS = [(kind, name, caller) for kind, asks in ROWS.items() for name in asks for caller in CALLERS]
OWNED: Mapping[str, tuple[int | None, int | None]] = {
    "create": (401, None),
    "head": (None, 404),
    "continue": (401, 404),
    "other": (401, 404),
    "linked": (None, None),
    "preflight": (None, None),
}
"""The statuses of refusals where only its owner may continue an upload, by the kind of request: for callers without a
good credential, and for another owner; None if such a request isn't refused."""
BY_URL = {**OWNED, "head": (None, None), "continue": (None, None)}
TABLE_OF_EXPIRED = {"create": True, "continue": False, "other": True}
"""True for each kind of request that an expired upload token doesn't allow."""
CHALLENGES = {"none": "Bearer", "expired": 'Bearer error="invalid_token"', "forged": 'Bearer error="invalid_token"'}
CODES = {401: "unauthenticated", 404: "not-found"}


async def send(ask: Ask, fields: Fields, *, body: bytes) -> RawAnswer:
    """Send the request's head with these fields, then `body`, which may be less than the declared body. Return the
    answer."""
    url = urlsplit(ask.url)
    path = f"{url.path}?{url.query}" if url.query else url.path
    headers = {"Host": url.netloc, "Origin": ORIGIN, "Content-Length": str(len(ask.body)), **ask.fields, **fields}
    lines = [f"{ask.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    async with connected(url.port or 80) as connection:
        await connection.send("\r\n".join(lines).encode() + body)
        return await connection.answer(head=ask.method == "HEAD")


async def _holds(stock: Stock, cell: tuple[str, str, str], table: Mapping[str, tuple[int | None, int | None]]) -> None:
    kind, name, caller = cell
    ask, status = ROWS[kind][name](stock), table[kind][caller not in STRANGERS]
    needed = status is None or (ask.names_upload_in_body and (status == 404 or table is BY_URL))
    answer = await send(ask, CALLERS[caller](), body=ask.body if needed else b"")
    if status is None:
        assert answer.status not in {401, 403}, answer
        return
    assert answer.status == status, answer
    assert ask.method == "HEAD" or _code(answer) == CODES[status], answer
    _is_for_pages(answer, CHALLENGES.get(caller) if status == 401 else None)


def _code(answer: RawAnswer) -> str:
    """Return the code of a refusal, whose body is XML, text or JSON."""
    text, kind = answer.body.decode(), answer.headers["content-type"]
    if kind == "application/xml":
        return text.partition("<Code>")[2].partition("</Code>")[0]
    if kind.startswith("text/plain"):
        return text.partition(":")[0]
    document = json.loads(text)
    return str(document["error"] if kind == "application/json" else document["code"])


def _is_for_pages(answer: RawAnswer, challenge: str | None) -> None:
    """Check that a page of `ORIGIN` may read the refusal, and that its challenge is this one; None for no challenge."""
    assert answer.headers.get("www-authenticate") == challenge
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"].split(", ")


@pytest.mark.parametrize("cell", CELLS, ids=" ".join)
async def test_an_upload_is_its_owners(stock_owned: Stock, cell: tuple[str, str, str]) -> None:
    await _holds(stock_owned, cell, OWNED)


@pytest.mark.parametrize("cell", CELLS, ids=" ".join)
async def test_its_url_is_enough_to_continue_it(stock_by_url: Stock, cell: tuple[str, str, str]) -> None:
    await _holds(stock_by_url, cell, BY_URL)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, asks in ROWS.items() for name in asks])
async def test_its_owner_is_never_refused_for_who_it_is(stock_owned: Stock, kind: str, name: str) -> None:
    ask = ROWS[kind][name](stock_owned)
    if kind == "other" and ask.method == "DELETE":
        return
    answer = await send(ask, alice(), body=ask.body)
    unfinished = ask.url == stock_owned.open and ask.method == "GET"
    assert answer.status not in {401, 403, *([] if unfinished else [404])}, answer


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in TABLE_OF_EXPIRED for name in ROWS[kind]])
async def test_an_expired_upload_token_only_continues(stock_owned: Stock, kind: str, name: str) -> None:
    """An expired upload token still allows requests that continue an upload of its owner, in tus, the IETF's protocol
    and direct uploads, but none that create, read or end one."""
    ask, terms = ROWS[kind][name](stock_owned), Terms(subject="alice")
    text, _ = TokenIssuer(TOKEN_SECRET, lambda: 0.0).issue(terms, stock_owned.endpoint, 1.0)
    answer = await send(ask, {"Upload-Token": text}, body=ask.body)
    assert (answer.status in {401, 403, 404}) == TABLE_OF_EXPIRED[kind], answer


@pytest.mark.parametrize("headers", ["Authorization", "X-Api-Key", "Upload-Token"])
async def test_preflights_allow_the_fields_of_credentials(stock_owned: Stock, headers: str) -> None:
    for name in PREFLIGHT:
        answer = await send(
            PREFLIGHT[name](stock_owned),
            {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers},
            body=b"",
        )
        assert answer.status < 300
        assert headers in answer.headers["access-control-allow-headers"].split(", ")
