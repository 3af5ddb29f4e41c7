"""Jobs as the JSON text that every state store holds."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace

from tusd_py.domain.job import Job, JobPhase


def encode_job(job: Job) -> str:
    return json.dumps(asdict(job), separators=(",", ":"))


def decode_job(text: str) -> Job:
    """Return the job from the text that `encode_job` returned. Fields of newer versions are ignored; missing ones get
    defaults."""
    stored = {name: value for name, value in json.loads(text).items() if name in _NAMES}
    return Job(**stored | {"phase": JobPhase(stored["phase"]), "product_ids": tuple(stored.get("product_ids", ()))})


def advance_job(job: Job) -> Job:
    """Return the job with the revision that its next save stores."""
    return replace(job, revision=job.revision + 1)


_NAMES = frozenset(field.name for field in fields(Job))
