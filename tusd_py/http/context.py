"""The parts of the server that the handlers share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from tusd_py.domain.caller import Caller
from tusd_py.domain.job import Job
from tusd_py.domain.trace import Trace
from tusd_py.engine.engine import Engine
from tusd_py.http.concurrency import Concurrency
from tusd_py.http.connection.connection_limits import Connections, client_at
from tusd_py.http.cors import Cors
from tusd_py.http.disclosure import Disclosure
from tusd_py.http.forwarded import Trust
from tusd_py.http.links import Links
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
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.budget_share import Share
from tusd_py.transfer.overhead import Overhead
from tusd_py.transfer.slabs import Slabs

if TYPE_CHECKING:
    from tusd_py.auth.tokens import TokenIssuer  # PyJWT takes a while to import
    from tusd_py.telemetry.tracing import Tracing  # and so does OpenTelemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One server's parts and settings, as far as HTTP needs them. Times are in seconds."""

    engine: Engine
    authenticator: Authenticator | None
    """None if no credentials are checked."""
    watched_locally: bool = False
    """True if without credentials clients of this machine may see all uploads: others can't reach the server."""
    live: Live | None = None
    """None if nothing is told of uploads while they change."""
    listeners: Count
    """The listeners of this process: of uploads, of the feed, of lists and of the dashboard."""
    token_issuer: TokenIssuer | None
    """None if no upload tokens are taken."""
    wires: Wires
    plain: PlainTerms | None
    """None if no plain uploads are taken."""
    metrics: Metrics
    audit: Audit
    network_timeout: float
    min_data_rate: float
    """Bytes per second."""
    trust: Trust
    """The proxies whose X-Forwarded-* or Forwarded is believed."""
    disclosure: Disclosure | None = None
    """None without hooks and events."""
    public_endpoint: str | None
    tracing: Tracing | None = None
    """None if no spans are made."""
    cors: Cors | None
    request_filter: RequestFilter
    redirect_downloads: bool
    """True if GET redirects clients to the storage."""
    links: Links
    concurrency: Concurrency
    connections: Connections
    unreachable: Recent[Sequence[str]]
    """The names of what isn't reachable or doesn't belong together, for /readyz."""
    last_seq: Recent[int]
    """The highest number of an event."""
    jobs: JobService | None = None
    """None if there are no jobs."""
    cancel_job: Callable[[Job], Awaitable[None]] | None = None
    """Cancels a job that hasn't ended; None without jobs."""
    heartbeat: float
    """Seconds of silence after which a listener is sent something."""
    slabs: Slabs
    budget: Budget
    overhead: Overhead
    downloads: Share
    texts: Share
    """Memory for heads, and for lists in JSON or XML."""

    def client(self, request: web.BaseRequest) -> str:
        """Return the client that a request counts for in limits. Raises Malformed."""
        return client_at(self.trust.client(request))


CONTEXT = web.AppKey("tusd_py", Context)
ENGINE = web.RequestKey("engine", Engine)
"""The engine, acting for the caller of the request."""
WIRE = web.RequestKey("wire", Wire)
CALLER = web.RequestKey("caller", Caller)
"""The caller, set by the pipeline."""
EFFECTIVE_METHOD = web.RequestKey("effective_method", str)
"""The method that a request means: X-HTTP-Method-Override may replace its POST."""
BODY_STARTED = web.RequestKey("body_started", bool)
"""True once bytes of the body were received."""
SPAN = web.RequestKey[Trace | None]("span")
"""The span of the request, where spans are made."""
CODE = web.RequestKey("code", str)
"""The code of the refusal, if the request was refused."""
