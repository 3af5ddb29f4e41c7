"""The data that a page stores in its browser. The page stores a change a moment after it shows it."""

from __future__ import annotations

from collections.abc import Mapping

from playwright.async_api import Page

from tests.browser.visitor import PATIENCE
from tests.support.tus import until

KEPT = """async () => {
  const ask = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)))
  const kept = { choices: localStorage.length + sessionStorage.length, records: [], files: [] }
  for (const { name } of await indexedDB.databases()) {
    const database = await ask(indexedDB.open(name))
    for (const store of database.objectStoreNames)
      kept[store].push(...(await ask(database.transaction(store).objectStore(store).getAll())))
    database.close()
  }
  return { ...kept, files: kept.files.length }
}"""
NOTHING = {"choices": 0, "records": 0, "files": 0}


async def keeps(tab: Page, expected: Mapping[str, int]) -> None:
    """Wait until the page's browser stores just the numbers that `expected` has under `choices` (entries of local and
    session storage), `records` (the page's records of uploads) and `files` (both in IndexedDB). Raises TimeoutError if
    that takes more than 40 s."""

    async def is_kept() -> bool:
        stored = await tab.evaluate(KEPT)
        return bool({**stored, "records": len(stored["records"])} == expected)

    await until(is_kept, PATIENCE / 1000)


async def remembers(tab: Page, name: str, state: str) -> None:
    """Wait until the page has stored exactly one record of an upload for the file name `name`, with the page's state
    `state`. Raises TimeoutError if that takes more than 40 s."""

    async def is_remembered() -> bool:
        records = (await tab.evaluate(KEPT))["records"]
        return [record["state"] for record in records if record["name"] == name] == [state]

    await until(is_remembered, PATIENCE / 1000)
