"""The parts of the server that the handlers share, and the keys of what is kept in an application or a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from tusd_py.domain.caller import Caller
from tusd_py.domain.job import Job
from tusd_py.domain.rights import Watcher
from tusd_py.domain.trace import Trace
from tusd_py.engine.engine import Engine
from tusd_py.http.concurrency import Concurrency
from tusd_py.http.connection.connection_limits import Connections, client_at
from tusd_py.http.cors import Cors
from tusd_py.http.disclosure import Disclosure
from tusd_py.http.endpoint import creation_path, endpoint_url
from tusd_py.http.forwarded import Trust
from tusd_py.http.links import Links
from tusd_py.http.local_access import LocalAccess
from tusd_py.http.plain_terms import PlainTerms
from tusd_py.http.request_filter import RequestFilter
from tusd_py.jobs.service import JobService
from tusd_py.live.listeners import Count
from tusd_py.live.live import Live
from tusd_py.ports.authenticator import Authenticator
from tusd_py.protocol.choice import Wires
from tusd_py.protocol.wire import Wire
from tusd_py.recent import Recent
from tusd_py.telemetry.audit import Audit
from tusd_py.telemetry.metrics import Metrics
from tusd_py.transfer.memory import Memory

if TYPE_CHECKING:
    from tusd_py.auth.tokens import TokenIssuer  # PyJWT takes a while to import
    from tusd_py.telemetry.tracing import Tracing  # and so does OpenTelemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One server's parts and settings, as far as HTTP needs them. Times are in seconds."""

    engine: Engine
    authenticator: Authenticator | None
    """None if no credentials are checked."""
    local_access: LocalAccess | None = None
    """The rule for who, without `auth`, may see all uploads, jobs and events; None if no client may, as other machines
    can reach the server."""
    live: Live | None = None
    """The parts that tell listeners of uploads while they change; None if that is switched off."""
    listeners: Count
    """The count of this process's listeners: of an upload, of the feed, of a job, of lists that follow changes, and of
    the dashboard."""
    token_issuer: TokenIssuer | None
    """The maker of upload tokens (POST /tokens); None if none are made."""
    wires: Wires
    plain: PlainTerms | None
    """The settings of plain uploads (forms, PUT, POST of bytes); None if they are switched off."""
    metrics: Metrics
    audit: Audit
    network_timeout: float
    min_data_rate: float
    """The bytes per second below which a client that sends a body counts as idle, once the server has waited for it for
    more than 10 seconds in all; 0 for no limit."""
    trust: Trust
    """The proxies whose X-Forwarded-* or Forwarded is believed."""
    disclosure: Disclosure | None = None
    """The reader of request details for hooks and the addresses in `events-to`; None if there are neither."""
    public_endpoint: str | None
    tracing: Tracing | None = None
    """The maker of OpenTelemetry spans; None if none are made."""
    cors: Cors | None
    request_filter: RequestFilter
    redirect_downloads: bool
    """True if GET of a finished upload redirects clients to the storage, unless the upload is a direct one sent in one
    request, as its client could replace the object."""
    links: Links
    concurrency: Concurrency
    connections: Connections
    unreachable: Recent[Sequence[str]]
    """The names of failed checks for /readyz, cached: `storage`, `state`, or `installation` if these two don't belong
    together."""
    last_seq: Recent[int]
    """The highest number that an event or a creation has taken so far (`Outbox.last_seq`), cached."""
    jobs: JobService | None = None
    """The use cases of jobs; None if jobs are switched off."""
    cancel_job: Callable[[Job, Watcher], Awaitable[None]] | None = None
    """Cancels a job that the watcher sees (`JobService.cancel`); None without jobs."""
    heartbeat: float
    """Seconds of silence after which a listener is sent a comment, a blank line or a ping, to keep its connection open.
    """
    memory: Memory

    def endpoint(self, request: web.Request) -> str:
        """Return the creation endpoint's URL: `public_endpoint` if set, else made from the request. Raises Malformed if
        the request's scheme, host, port or prefix make no URL, or a proxy's field is too long: a handler whose answer
        needs the URL asks for it before it changes anything."""
        return endpoint_url(request, creation_path(request), public=self.public_endpoint, trust=self.trust)

    def client(self, request: web.BaseRequest) -> str:
        """Return the name under which limits count the request's client: an IPv4 address, the /64 network of an IPv6
        address, or the first 64 characters of a name that is no address, such as `unix:`; empty if the client is gone
        and its address unknown. Raises Malformed if a proxy's field is too long."""
        return client_at(self.trust.client(request))


CONTEXT = web.AppKey("tusd_py", Context)
ENGINE = web.RequestKey("engine", Engine)
"""The engine, acting for the caller of the request."""
WIRE = web.RequestKey("wire", Wire)
CALLER = web.RequestKey("caller", Caller)
"""The caller of the request, set by `Route.answer` before the handler runs; once its credential was checked, it has a
principal if that is good, or a `denial` if it isn't."""
EFFECTIVE_METHOD = web.RequestKey("effective_method", str)
"""The method that a request means: X-HTTP-Method-Override may replace its POST."""
BODY_STARTED = web.RequestKey("body_started", bool)
"""True once `RequestBody.chunks` has received bytes of the body; absent before, and if the body is read otherwise."""
SPAN = web.RequestKey[Trace | None]("span")
"""The place of the request's span in its trace; None if the OpenTelemetry provider makes no spans, absent without
`Context.tracing` and for /healthz and /readyz."""
CODE = web.RequestKey("code", str)
"""The code of the refusal that `record_refusal` made of an error of the request, for the audit and the span; absent
without one, also if a `web.HTTPException`, such as a 405, answers."""
