"""Credentials, owners, quotas and allowed types hold for plain uploads as for any other; a file that a quota or its
type forbids ends the whole form."""

from __future__ import annotations

import aiohttp

from tests.plain.conftest import Open
from tests.plain.forms import Part, PlainClient, encoded, file, form_fields
from tests.plain.test_refused import restored
from tests.support.exchange import Answer
from tests.support.logins import JWT, bearing
from tests.support.raw import requesting


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body.decode().partition(":")[0]


async def test_without_a_credential_nothing_of_a_form_is_read(start: Open) -> None:
    async with start(**JWT) as place:
        for method, below in (("POST", ""), ("PUT", "a")):
            fields = {"content_type": form_fields()["Content-Type"], "content_length": 1000, "expect": "100-continue"}
            async with requesting(method, place.server.url + below, **fields) as connection:
                answer = await connection.answer()
                assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_an_upload_belongs_to_its_owner(start: Open) -> None:
    async with start(**JWT) as place, aiohttp.ClientSession() as session:
        client = PlainClient(session, place.server.url)
        url = (await client.post(file(b"x"), **bearing("ann"))).url
        async with session.get(url, headers=bearing("ann")) as own, session.get(url, headers=bearing("bob")) as foreign:
            assert (own.status, foreign.status) == (200, 404)


async def test_a_quota_ends_the_whole_form(start: Open) -> None:
    async with start(quota_bytes=10) as place, aiohttp.ClientSession() as session:
        client, before = PlainClient(session, place.server.url), place.contents()
        assert code(await client.post(file(b"12345"), file(b"123456"))) == (413, "over-quota")
        await restored(place, before)
        assert (await client.post(file(b"12345"), file(b"12345"))).status == 201


async def test_a_type_that_is_not_allowed_ends_the_whole_form(start: Open) -> None:
    async with start(allowed_types="image/*") as place, aiohttp.ClientSession() as session:
        client, before = PlainClient(session, place.server.url), place.contents()
        assert code(await client.post(file(b"x", "a.png", "image/png"), file(b"x"))) == (415, "type-not-allowed")
        await restored(place, before)
        assert (await client.put("a.png", b"x", Content_Type="image/png")).status == 201


async def test_files_of_a_refused_form_are_removed(start: Open) -> None:
    """If a form is refused after a whole file, here for a field that follows it, the file's upload is terminated with
    the reason `failed-creation`."""
    async with start(log_format="json") as place, aiohttp.ClientSession() as session:
        await PlainClient(session, place.server.url).post(file(b"x"), Part("a", b"b"))
        log = place.server.log()
        assert log.count('"upload created"') == log.count('"upload terminated"') == log.count('"failed-creation"') == 1


async def test_a_page_of_another_site_cannot_use_the_login_at_a_proxy(start: Open) -> None:
    login = {"auth": "proxy", "auth_user_header": "Remote-User", "behind_proxy": True}
    async with start(**login) as place, aiohttp.ClientSession() as session:
        client = PlainClient(session, place.server.url)
        foreign = {"Remote-User": "ann", "Origin": "https://evil.example"}
        body = encoded([file(b"x")])
        assert code(await client.send("POST", "", body, {**form_fields(), **foreign})) == (403, "forbidden")
        own = {**foreign, "Origin": place.server.origin}
        assert (await client.send("POST", "", body, {**form_fields(), **own})).status == 201
        assert (await client.send("POST", "", body, {**form_fields(), "Remote-User": "ann"})).status == 201
