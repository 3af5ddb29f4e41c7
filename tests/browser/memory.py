"""What the page remembers in a browser. It writes that down a moment after it shows it."""

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


async def keeps(tab: Page, wanted: Mapping[str, int]) -> None:
    """The browser does, or will in a moment."""

    async def same() -> bool:
        kept = await tab.evaluate(KEPT)
        return bool({**kept, "records": len(kept["records"])} == wanted)

    await until(same, PATIENCE / 1000)


async def remembers(tab: Page, name: str, state: str) -> None:
    """The browser does of that upload, or will in a moment."""

    async def same() -> bool:
        records = (await tab.evaluate(KEPT))["records"]
        return [record["state"] for record in records if record["name"] == name] == [state]

    await until(same, PATIENCE / 1000)
