"""The handler of plain uploads: forms, PUT, and POST of bytes. A request that is refused, or whose body ends
too early, leaves no upload.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from aiohttp import hdrs, web

from tusd_py.domain.intents import Create
from tusd_py.domain.refusals import MethodNotAllowed
from tusd_py.domain.upload import Upload
from tusd_py.engine import create
from tusd_py.engine.all_or_none import all_or_none
from tusd_py.http.connection.body import RequestBody
from tusd_py.http.context import ENGINE, Context
from tusd_py.http.endpoint import creation_path, origin
from tusd_py.http.form_body import BodyCut, FormBody
from tusd_py.http.handlers.bodies import answer_cut, receiving
from tusd_py.http.handlers.queries import read_accept
from tusd_py.http.plain_terms import PlainTerms
from tusd_py.http.translation import response_of
from tusd_py.ports.body import Body, BodyEnd
from tusd_py.protocol.answers import merge
from tusd_py.protocol.methods import upload_methods
from tusd_py.protocol.plain import answers, reading
from tusd_py.protocol.wire import Reply, RequestHead
from tusd_py.serving.negotiation import prefers_html


async def answer_plain(
    request: web.Request, context: Context, terms: PlainTerms, head: RequestHead, body: RequestBody
) -> web.StreamResponse:
    """Create the uploads of a request without a protocol's header fields, one for each file of a form, else one for the
    body. Return 201; or 303 if `success_action_redirect` in the query is a URL of the creation endpoint's origin, or of
    one that `terms`, the settings of plain uploads, allow.

    No upload stays after an error or a body that ended too early. If the server stopped such a body, it answers 503 at
    a shutdown, else 423; in all other cases it closes the connection. Raises Refusal and the engine's errors
    (`domain.errors`).
    """
    terms.check_page(request, origin(request, context.trust))
    endpoint = context.endpoint(request)
    try:
        uploads = await _create(request, context, terms, head, body)
    except BodyCut:
        return await answer_cut(request, context, head, body)
    finally:
        body.release()
    reply = _reply(request, terms, uploads, endpoint)
    return response_of(reduce(merge, request[ENGINE].answers or (), reply))


async def _create(
    request: web.Request, context: Context, terms: PlainTerms, head: RequestHead, body: RequestBody
) -> Sequence[Upload]:
    if reading.is_form(head):
        return await _create_files(request, context, terms, head, body)
    intent = _read_single(request, context, head)
    async with all_or_none(request[ENGINE]) as uploads:
        with receiving(request, context, body):
            uploads.append(await _create_one(request, context, intent, body))
        if body.end is not BodyEnd.COMPLETE:
            raise BodyCut
    return uploads


def _read_single(request: web.Request, context: Context, head: RequestHead) -> Create:
    limits = context.engine.limits
    if head.method == hdrs.METH_POST:
        return reading.read_post(head)
    segment = request.rel_url.raw_path.removeprefix(creation_path(request)) if head.on_upload else ""
    if not segment or "/" in segment:
        raise MethodNotAllowed(upload_methods(limits) if head.on_upload else ("POST", "OPTIONS"))
    return reading.read_put(head, segment)


async def _create_files(
    request: web.Request, context: Context, terms: PlainTerms, head: RequestHead, body: RequestBody
) -> Sequence[Upload]:
    engine = request[ENGINE]
    engine.authorize(Create(), None)  # before the form is read, which may also ask for it
    reading.check_form(head, engine.limits.within(engine.allowance.max_length))
    form = FormBody(body, terms.parser(head.headers[hdrs.CONTENT_TYPE]))
    async with all_or_none(engine) as uploads:
        with receiving(request, context, body):
            async for metadata, file in form.files():
                intent = reading.create_whole(metadata, None)
                uploads.append(await _create_one(request, context, intent, file))
    return uploads


async def _create_one(request: web.Request, context: Context, intent: Create, body: Body) -> Upload:
    context.concurrency.creation(context.client(request))
    return await create.create(request[ENGINE], intent, body)


def _reply(request: web.Request, terms: PlainTerms, uploads: Sequence[Upload], endpoint: str) -> Reply:
    target = request.query.get("success_action_redirect", "")
    if answers.may_redirect(target, endpoint, terms.origins):
        return answers.redirected(uploads, target)
    return answers.created(uploads, endpoint, page=prefers_html(read_accept(request)))
