"""Exports, asked for and waited for."""

from __future__ import annotations

import json

from tests.jobs.asking import PATIENCE, Job, JobClient
from tests.support.exchange import Answer


async def ask(client: JobClient, **message: object) -> Answer:
    return await client.send("POST", f"{client.origin}/exports", json.dumps(message).encode(), {})


async def export(client: JobClient, patience: float = PATIENCE, **message: object) -> Job:
    """Ask for an export with POST /exports, with the members `message` as the JSON body, and return its job once it has
    ended. Raises AssertionError if the request is refused, TimeoutError after `patience` seconds."""
    answer = await ask(client, **message)
    assert answer.status == 202, answer
    job = json.loads(answer.body)
    assert answer.headers["Location"] == f"{client.origin}/jobs/{job['id']}"
    assert (job["kind"], job["upload_id"]) == ("export", None)
    return await client.ended(job["id"], patience)
