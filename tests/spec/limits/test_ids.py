"""Ids can't be guessed, and name an upload in their exact form only."""

from __future__ import annotations

import re

import pytest

from tests.support.raw import connected
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

OTHER_FORMS = [
    "{capital}",
    "{escaped}",
    "{id}0",
    "0{id}",
    "{short}",
    "{id}%20",
    "{id}%00",
    "{id}.",
    "{id};x",
    "./{id}",
    "x/../{id}",
    "{dashed}",
]


def form(url: str, variant: str) -> str:
    """Return the URL with `variant` in place of the upload's id: a template of {id}, {capital} (in upper case),
    {escaped} (the first character percent-encoded), {short} (without the last one) and {dashed} (as a UUID has it)."""
    base, slash, name = url.rpartition("/")
    forms = {"capital": name.upper(), "escaped": f"%{ord(name[0]):02x}{name[1:]}", "short": name[:-1]}
    dashed = "-".join([name[:8], name[8:12], name[12:16], name[16:20], name[20:]])
    return base + slash + variant.format(id=name, dashed=dashed, **forms)


async def with_a_letter(tus: TusClient, **headers: object) -> str:
    """Return the URL of a new, complete upload whose id has a letter, so that upper case makes it another text."""
    while not re.search("[a-f]", (url := await tus.create(1, b"x", **headers)).rpartition("/")[2]):
        pass
    return url


async def test_ids_are_128_bits_that_tell_nothing(tus_shared: TusClient) -> None:
    ids = [(await tus_shared.create(1)).rpartition("/")[2] for _ in range(64)]
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in ids)
    counts = [sum(int(name, 16) >> bit & 1 for name in ids) for bit in range(128)]
    assert all(8 < count < 56 for count in counts), "a fair bit is outside once in a million runs"


@pytest.mark.parametrize("method", ["HEAD", "GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("variant", [*OTHER_FORMS, "%2e%2e/files/{id}"])
async def test_another_form_of_an_id_names_nothing(tus_shared: TusClient, method: str, variant: str) -> None:
    url = await with_a_letter(tus_shared)
    async with connected(tus_shared.port) as connection:
        needs = {"content_type": "application/offset+octet-stream", "upload_offset": 1, "content_length": 0}
        await connection.head(method, form(url, variant), **(needs if method == "PATCH" else {}))
        assert (await connection.answer(head=method == "HEAD")).status == 404
    assert await tus_shared.offset(url) == 1


@pytest.mark.parametrize("variant", [*OTHER_FORMS, "\t{id}", "{id}/"])
async def test_a_final_upload_takes_no_other_form_either(tus_shared: TusClient, variant: str) -> None:
    url = await with_a_letter(tus_shared, upload_concat="partial")
    async with connected(tus_shared.port) as connection:
        await connection.head("POST", tus_shared.url, upload_concat=f"final;{form(url, variant)}", content_length=0)
        assert (await connection.answer()).status == 400
