"""Credentials and the requests that carry them: keys that sign JWTs, and HTTP servers with scripted answers, such as a
JWK Set."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from multidict import CIMultiDict

from tusd_py.domain.caller import Caller
from tusd_py.ports.observer import Observer

ENDPOINT = "https://up.example/files/"
SECRET = "s" * 32
AUDIENCE = "uploads"


def request(method: str = "POST", target: str = "/files/", **headers: str) -> Caller:
    """Return a caller whose request has these header fields, with `_` in their names for `-`."""
    fields = CIMultiDict((name.replace("_", "-"), value) for name, value in headers.items())
    return Caller(address="192.0.2.7", method=method, target=target, headers=fields, endpoint=ENDPOINT)


def passed_on(**headers: str) -> Caller:
    """Return a caller whose request has these header fields and came through a trusted proxy."""
    return replace(request(**headers), proxied=True)


def bearing(token: str, method: str = "POST") -> Caller:
    return request(method, Authorization=f"Bearer {token}")


@dataclass(frozen=True)
class SigningKey:
    """A private key, and its public half as an entry of a JWK Set."""

    algorithm: str
    private: Any
    entry: Mapping[str, Any]

    def token(self, *, headers: Mapping[str, Any] | None = None, **claims: Any) -> str:
        kid = {"kid": self.entry["kid"]} if "kid" in self.entry else {}
        return jwt.encode(good(**claims), self.private, self.algorithm, headers={**kid, **(headers or {})})

    @property
    def pem(self) -> str:
        return str(self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def good(**changes: Any) -> dict[str, Any]:
    """Return valid claims of alice that expire in a minute, with `changes`; None leaves a claim out."""
    claims = {"sub": "alice", "aud": AUDIENCE, "exp": int(time.time()) + 60, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def signing_key(algorithm: str = "ES256", **entry: Any) -> SigningKey:
    """Return a new key; `entry` changes members of its JWK, and None leaves one out."""
    private, public = _generate(algorithm)
    members = {**public, "kid": f"kid-{id(private)}", "alg": algorithm, "use": "sig", **entry}
    return SigningKey(algorithm, private, {name: value for name, value in members.items() if value is not None})


def _generate(algorithm: str) -> tuple[Any, Mapping[str, Any]]:
    if algorithm == "EdDSA":
        edwards = ed25519.Ed25519PrivateKey.generate()
        return edwards, OKPAlgorithm.to_jwk(edwards.public_key(), as_dict=True)
    if algorithm.startswith("ES"):
        curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
        elliptic = ec.generate_private_key(curves[algorithm])
        return elliptic, ECAlgorithm.to_jwk(elliptic.public_key(), as_dict=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key, RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Scripted:
    """An HTTP server that gives the answer it is set to, and remembers its requests."""

    answer: Answer
    requests: list[web.Request] = field(default_factory=list)
    url: str = ""
    hung: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a request waits for an answer that never comes."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.answer(request)

    def hang(self) -> None:
        self.answer = self._never

    async def _never(self, _: web.Request) -> web.StreamResponse:
        self.hung.set()
        await asyncio.Event().wait()
        raise AssertionError

    def serve(self, *keys: SigningKey) -> None:
        self.answer = key_set(*keys)


def key_set(*keys: SigningKey) -> Answer:
    return fixed(200, json.dumps({"keys": [dict(key.entry) for key in keys]}))


def fixed(status: int, text: str = "", **headers: str) -> Answer:
    """Return a handler that always gives this answer, with `_` in names of header fields for `-`."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=fields)

    return answer


@asynccontextmanager
async def scripted(answer: Answer) -> AsyncIterator[Scripted]:
    script = Scripted(answer)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.handle)
    async with TestServer(app, handler_cancellation=True) as server:
        script.url = str(server.make_url("/"))
        yield script


def session(timeout: float = 5.0) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout), auto_decompress=False)


class Troubles(Observer):
    """An observer that remembers the message and the reason of each trouble."""

    def __init__(self) -> None:
        self.messages = list[str]()
        self.reasons = list[str]()

    def trouble(self, message: str, **fields: object) -> None:
        self.messages.append(message)
        self.reasons.append(str(fields.get("reason")))
