"""The items of the dashboard: their HTML is sent once, their CSS rules, if they have any, again when they change.

Browsers apply rules that come later in the same response, so that a value changes without a script: `--p` is the
percentage of an upload or job, shown as a bar and as a number, and `--phase` is its phase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import htpy as h

from tusd_py.domain.job import Job, JobPhase
from tusd_py.domain.metadata import NAME_KEYS, declared
from tusd_py.domain.upload import Kind, Upload
from tusd_py.ports.outbox import Backlog, Delivery

_WHOLE = 100
"""The percentage of a complete upload or job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item of the dashboard as it is now: an upload, a job, a receiver of events, a failed delivery or a server."""

    key: str
    """The CSS class of the item, which no other item has."""
    element: h.Element | None
    """The HTML of the item; None once the item is removed."""
    rules: Sequence[str]
    """The CSS rules for the item. One that wasn't among them when the item was last read is sent after those already
    sent, and so overrides an earlier rule with the same selector and property; a rule that is no longer among them
    isn't taken back."""


@dataclass(frozen=True, slots=True)
class Forms:
    """The builder of one page's forms, with the page's path, the forms' tokens, and the actions that are
    possible.
    """

    page: str
    """The path of the page, below which the forms' actions are, without a slash at its end."""
    tokens: Mapping[str, str]
    """The tokens of the forms by their actions: each proves that the page was sent to the caller."""
    terminates: bool
    """True if clients may terminate unfinished uploads."""
    cancels: bool
    """True unless jobs are switched off; `cancels_required` and `may_cancel` tell which jobs the viewer may cancel."""
    cancels_required: bool
    """True if the viewer may cancel also the jobs that the settings ask for."""
    terminates_finished: bool = True
    """True if clients that may terminate uploads at all (`terminates`) may terminate finished ones, too; partial ones
    they may in any case."""

    def may_cancel(self, job: Job) -> bool:
        """Return True if the viewer may cancel the job, as far as its record tells."""
        return self.cancels and not _is_settled(job) and (self.cancels_required or not job.required)

    def may_terminate(self, upload: Upload) -> bool:
        """Return True if clients that may terminate uploads at all (`terminates`) may terminate this one: always if it
        is unfinished or partial, else only if the settings allow them to terminate finished uploads."""
        return self.terminates_finished or not upload.done or upload.kind is Kind.PARTIAL

    def button(self, path: str, label: str) -> h.Element:
        """Return a form with one button, which POSTs the token of the path's action (`action_of`) to `path` below
        the page's path.
        """
        token = self.tokens[action_of(path)]
        return h.form(method="post", action=f"{self.page}/{path}")[
            h.input(type="hidden", name="token", value=token), h.button[label]
        ]


def action_of(path: str) -> str:
    """Return the action of the form with this path, such as `terminate`: its last segment."""
    return path.rpartition("/")[2]


def upload_item(upload: Upload, url: str, forms: Forms) -> Item:
    """Return the item of an upload; `url` is the upload's."""
    key, terminable = f"u-{upload.id}", forms.may_terminate(upload)
    size = "unknown length" if upload.length is None else f"{upload.length:,} bytes"
    element = h.article(class_=key, slot="uploads")[
        h.h3[h.bdi[declared(upload.metadata, NAME_KEYS) or upload.id]],
        h.p[h.a(href=url)[upload.id], f", {size}", upload.owner is not None and [", of ", h.bdi[upload.owner]]],
        _progress(),
        forms.terminates and terminable and forms.button(f"uploads/{upload.id}/terminate", "Terminate"),
    ]
    percent = _WHOLE if upload.done else _percent(upload.offset, upload.length)
    rules = [*_progress_rules(key, percent, upload.phase), *_formless(key, hidden=not terminable)]
    return Item(key=key, element=element, rules=rules)


def gone_item(key: str) -> Item:
    """Return the item that hides the element of an upload or job that is removed; `key` is that of its `Item`."""
    return Item(key=key, element=None, rules=[f".{key}{{display:none}}"])


def job_item(job: Job, forms: Forms) -> Item:
    """Return the item of a job."""
    key = f"j-{job.id}"
    element = h.article(class_=key, slot="jobs")[
        h.h3[job.kind],
        h.p[job.id, job.upload_id is not None and f", of upload {job.upload_id}"],
        _progress(),
        forms.may_cancel(job) and forms.button(f"jobs/{job.id}/cancel", "Cancel"),
    ]
    percent = _WHOLE if job.phase is JobPhase.DONE else _percent(job.done, job.total)
    progress = _progress_rules(key, percent, job.phase)
    return Item(key=key, element=element, rules=[*progress, *_formless(key, hidden=_is_settled(job))])


def backlog_item(number: int, backlog: Backlog) -> Item:
    """Return the item with the counts of waiting and failed deliveries to one receiver of events; `number` is the
    receiver's place among all, from 0."""
    key = f"s-{number}"
    element = h.article(class_=key, slot="deliveries")[
        h.h3[h.bdi[backlog.sink]], h.p[h.span(".pending"), " wait to be delivered, ", h.span(".dead"), " have failed"]
    ]
    return Item(key=key, element=element, rules=[f".{key}{{--pending:{backlog.pending};--dead:{backlog.dead}}}"])


def delivery_item(delivery: Delivery, number: int, forms: Forms) -> Item:
    """Return the item of a delivery that was given up after failed attempts; `number` is the place of the
    delivery's receiver among all receivers of events, from 0.
    """
    element = h.article(class_=f"d-{number}-{delivery.seq}", slot="deliveries")[
        h.h3[delivery.event_id],
        h.p[
            "for ",
            h.bdi[delivery.sink],
            f", failed attempts: {delivery.attempts}, the last with: ",
            h.bdi[delivery.error or "no answer"],
        ],
        forms.button(f"events/{delivery.event_id}/retry", "Send again"),
    ]
    return Item(key=f"d-{number}-{delivery.seq}", element=element, rules=())


def node_item(facts: Sequence[tuple[str, str]], count: int, claimed: int) -> Item:
    """Return the item of this server: its `facts` (name, value), the `count` of unfinished uploads, and the bytes
    `claimed` by them."""
    element = h.article(".node", slot="nodes")[
        h.dl[([h.dt[name], h.dd[h.bdi[value]]] for name, value in facts)],
        h.p[h.span(".count"), " unfinished uploads, of ", h.span(".claimed"), " MiB"],
    ]
    return Item(key="node", element=element, rules=[f".node{{--count:{count};--claimed:{claimed >> 20}}}"])


def _progress() -> Sequence[h.Element]:
    return [h.div(".bar")[h.i], h.p[h.span(".percent"), " ", h.span(".phase")]]


def _progress_rules(key: str, percent: int, phase: str) -> Sequence[str]:
    return [f".{key}{{--p:{percent}}}", f'.{key}{{--phase:"{phase}"}}']


def _is_settled(job: Job) -> bool:
    """Return True if the job has ended, or its result is known and only to be recorded."""
    return job.ended or job.result is not None


def _formless(key: str, *, hidden: bool) -> Sequence[str]:
    return [f".{key} form{{display:none}}"] if hidden else []


def _percent(done: int, total: int | None) -> int:
    return done * _WHOLE // total if total else 0
