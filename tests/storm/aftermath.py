"""After the storm: what is left is exactly what was finished, byte for byte."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from devtools.seaweed import SeaweedFS
from tests.storm.client import UploadClient
from tests.storm.crowd import Crowd
from tests.storm.history import Breach, Ended, Tally
from tests.storm.world import Site
from tests.support.bucket import upload_id
from tests.support.server import Outcome
from tests.support.sites import LEAKS

_BLOCK = 1024 * 1024
_NEVER = ("Traceback", "upload rolled back")
"""Texts that no log may contain: the storm takes nothing out of the bucket, so a node that rolls an upload back is
wrong about the storage."""
Records = Mapping[str, Mapping[str, Any]]


class Aftermath:
    """The check of one deployment after the storm, by its records, its keys in S3, its answers to HEAD and its logs."""

    def __init__(self, crowd: Crowd, seaweed: SeaweedFS, tally: Tally) -> None:
        self._crowd = crowd
        self._site: Site = crowd.site
        self._seaweed = seaweed
        self._tally = tally

    async def judge(self, patience: float) -> None:
        """Delete half of the abandoned uploads and wait up to `patience` seconds until only finished ones are left;
        then check records, objects, HEAD of finished uploads, and logs. Each problem is reported to the tally."""
        await self._janitor()
        await self._until_only_finished(patience)
        records = await self._records()
        await self._compare(records)
        await self._look_again()
        self._read_logs()

    async def _janitor(self) -> None:
        """Let every second client that gave its upload up delete it; report each breach. The other uploads are left
        alone, and so is one whose client sent a form."""
        for client in self._crowd.abandoned[::2]:
            try:
                await client.delete()
            except Ended:
                continue
            except Breach as breach:
                self._crowd.report(client, str(breach))

    async def _until_only_finished(self, patience: float) -> None:
        """Run expiry and garbage collection until only finished uploads are left, none of them partial; after
        `patience` seconds, report all else that the last look found."""
        surplus = list[str]()
        try:
            async with asyncio.timeout(patience):
                while surplus := await self._surplus():
                    await self._command("uploads", "expire")
                    await self._command("uploads", "collect-garbage")
                    await asyncio.sleep(3)
        except TimeoutError:
            for leftover in surplus:
                self._left_behind(leftover)

    def _left_behind(self, leftover: str) -> None:
        """Report `leftover`, a text from `_surplus`: with the history of the client whose upload's id it contains, or
        without one if there is no such client, as for a partial upload."""
        for client in self._crowd.clients.values():
            if client.upload.url and upload_id(client.upload.url) in leftover:
                return self._crowd.report(client, f"left behind: {leftover}")
        return self._tally.report(self._site.name, "aftermath", f"left behind: {leftover}")

    async def _surplus(self) -> list[str]:
        """Return a text for each record but those of finished regular and final uploads, for each S3 key but those of
        their objects, and for each open multipart upload. A finished partial upload counts as surplus too."""
        records = await self._records()
        done = {name for name, record in records.items() if _is_finished(record)}
        open_ones = [f"a record: {record}" for name, record in records.items() if name not in done]
        return [*open_ones, *(key for key in await self._site.node.residue() if key not in done)]

    async def _records(self) -> Records:
        outcome = await self._command("uploads", "list", "--json")
        return {record["id"]: record for record in map(json.loads, outcome.out.splitlines())}

    async def _command(self, *words: str) -> Outcome:
        outcome = await self._site.servers[0].command(*words)
        if outcome.code:
            self._tally.report(self._site.name, "aftermath", f"{' '.join(words)} ended with {outcome}")
        return outcome

    async def _compare(self, records: Records) -> None:
        """Report each upload that a client finished and kept but that has no record, and each record that
        `_compare_record` finds wrong."""
        clients = {upload_id(client.upload.url): client for client in self._crowd.finished.values()}
        for name, client in clients.items():
            if name not in records:
                self._crowd.report(client, "complete was told, and there is no record of it any more")
        keys = set(await self._site.node.residue())
        for name, record in records.items():
            await self._compare_record(name, record, keys)

    async def _compare_record(self, name: str, record: Mapping[str, Any], keys: Collection[str]) -> None:
        """Report the record of the upload with the id `name` if the file name in the record's metadata is that of no
        client, if `keys` lacks the upload's object, or if the object's bytes aren't those that the client sent. The
        client is found by the file name, as it may never have been told the URL."""
        client = self._crowd.clients.get(str(record["metadata"].get("filename")))
        if client is None:
            self._tally.report(self._site.name, "aftermath", f"no client's upload: {record}")
        elif name not in keys:
            self._crowd.report(client, f"a finished upload without its object: {name}")
        else:
            await self._compare_object(client, name)

    async def _compare_object(self, client: UploadClient, name: str) -> None:
        digest = await asyncio.to_thread(self._digest, name)
        if digest != client.content.digest():
            self._crowd.report(client, f"the object {name} has other bytes than were sent")
        self._tally.counts["objects compared"] += 1

    def _digest(self, name: str) -> str:
        digest, node = hashlib.sha256(), self._site.node
        body = self._seaweed.client().get_object(Bucket=self._seaweed.bucket, Key=f"{node.bucket.prefix}{name}")["Body"]
        while block := body.read(_BLOCK):
            digest.update(block)
        return digest.hexdigest()

    async def _look_again(self) -> None:
        """Send HEAD, at a server chosen at random, for each upload that a client finished and kept; report each that
        isn't complete any more. For direct uploads in parts, only a 404, or a 423 without Retry-After, is noticed."""
        for client in self._crowd.finished.values():
            try:
                await client.catch_up()
            except (Breach, Ended) as breach:
                self._crowd.report(client, str(breach) or "a finished upload is gone")

    def _read_logs(self) -> None:
        for server in self._site.servers:
            log = server.log()
            for word in (*_NEVER, *LEAKS):
                if (at := log.find(word)) >= 0:
                    self._tally.report(self._site.name, f"log of {server.port}", log[max(at - 300, 0) : at + 1500])


def _is_finished(record: Mapping[str, Any]) -> bool:
    return bool(record["phase"] == "done" and record["kind"] != "partial")
