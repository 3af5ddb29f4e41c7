"""Clients that can't be run here, as their requests byte by byte, each header in its order and case, and the statuses
that they take for success.

tus-java-client (of March 2026, on Java 17) and go-tus (of June 2022) were recorded. The others are written down from
their sources: tus-java-client on Android's HTTP library, TUSKit 3.8.0 on URLSession, TusDotNetClient on .NET,
tus_client_dart on dart:io, tusc.sh on curl. Header order is the HTTP library's where the client leaves it to that.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

NAME = "film.mp4"
METADATA = f"filename {base64.b64encode(NAME.encode()).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldClient:
    """A client in the field: templates of its request heads, to be filled in with {path}, {host}, {length} (of the
    upload), {offset}, {size} and {sha1} (of the appended bytes) and {none} (an empty text); and how it frames bodies
    and judges statuses."""

    create: str
    ask: str
    append: str
    chunk: int
    """The most bytes that one append has."""
    frame: int = 0
    """The most bytes of a chunk of a chunked body; 0 if the body isn't chunked."""
    waits: bool = False
    """True if the client waits for a 100 before it sends the body."""
    created: tuple[int, ...] = tuple(range(200, 300))
    accepted: tuple[int, ...] = tuple(range(200, 300))
    appended: tuple[int, ...] = tuple(range(200, 300))
    """Statuses that the client takes for success of an append; `created` and `accepted` are those of a creation and a
    HEAD."""

    def body(self, piece: bytes) -> bytes:
        """Return the piece as the client sends it: in chunks of `frame` bytes, or unchanged if that is 0."""
        if not self.frame:
            return piece
        frames = (piece[at : at + self.frame] for at in range(0, len(piece), self.frame))
        return b"".join(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames) + b"0\r\n\r\n"


def head(template: str, **values: object) -> bytes:
    """Return the head of a request: `template` filled in with `values`, and with an empty value for {none}."""
    return template.format(none="", **values).replace("\n", "\r\n").encode("latin-1") + b"\r\n"


def sha1(piece: bytes) -> str:
    return base64.b64encode(hashlib.sha1(piece).digest()).decode()


_JAVA_END = """\
User-Agent: Java/17.0.15
Host: {host}
Accept: text/html, image/gif, image/jpeg, */*; q=0.2
Connection: keep-alive
"""
JAVA = FieldClient(
    create=f"""\
POST {{path}} HTTP/1.1
Tus-Resumable: 1.0.0
Upload-Metadata: {METADATA}
Upload-Length: {{length}}
{_JAVA_END}""",
    ask=f"""\
HEAD {{path}} HTTP/1.1
Tus-Resumable: 1.0.0
{_JAVA_END}""",
    append=f"""\
POST {{path}} HTTP/1.1
Tus-Resumable: 1.0.0
Upload-Offset: {{offset}}
Content-Type: application/offset+octet-stream
Expect: 100-continue
X-HTTP-Method-Override: PATCH
{_JAVA_END}Transfer-Encoding: chunked
""",
    chunk=10 * 1024 * 1024,
    frame=0xFF9,
    waits=True,
)

_ANDROID_END = """\
User-Agent: Dalvik/2.1.0 (Linux; U; Android 15; Pixel 8 Build/AP4A.250105.002)
Host: {host}
Connection: Keep-Alive
Accept-Encoding: gzip
"""
ANDROID = replace(
    JAVA,
    create=f"""\
POST {{path}} HTTP/1.1
Tus-Resumable: 1.0.0
Upload-Metadata: {METADATA}
Upload-Length: {{length}}
{_ANDROID_END}Content-Length: 0
""",
    ask=f"""\
HEAD {{path}} HTTP/1.1
Tus-Resumable: 1.0.0
{_ANDROID_END}""",
    append=f"""\
PATCH {{path}} HTTP/1.1
Tus-Resumable: 1.0.0
Upload-Offset: {{offset}}
Content-Type: application/offset+octet-stream
Expect: 100-continue
Transfer-Encoding: chunked
{_ANDROID_END}""",
    frame=1024,
)

GO = FieldClient(
    create="""\
POST {path} HTTP/1.1
Host: {host}
User-Agent: Go-http-client/1.1
Content-Length: 0
Tus-Resumable: 1.0.0
Upload-Length: {length}
Upload-Metadata: {none}
Accept-Encoding: gzip
""",
    ask="""\
HEAD {path} HTTP/1.1
Host: {host}
User-Agent: Go-http-client/1.1
Tus-Resumable: 1.0.0
""",
    append="""\
PATCH {path} HTTP/1.1
Host: {host}
User-Agent: Go-http-client/1.1
Content-Length: {size}
Content-Type: application/offset+octet-stream
Tus-Resumable: 1.0.0
Upload-Offset: {offset}
Accept-Encoding: gzip
""",
    chunk=2 * 1024 * 1024,
    created=(201,),
    accepted=(200,),
    appended=(204,),
)
GO_OVERRIDE = replace(
    GO,
    append="""\
POST {path} HTTP/1.1
Host: {host}
User-Agent: Go-http-client/1.1
Content-Length: {size}
Content-Type: application/offset+octet-stream
Tus-Resumable: 1.0.0
Upload-Offset: {offset}
X-Http-Method-Override: PATCH
Accept-Encoding: gzip
""",
)

_APPLE_END = """\
Accept: */*
User-Agent: Films/1 CFNetwork/1568.200.51 Darwin/24.1.0
Accept-Language: en-GB,en;q=0.9
Accept-Encoding: gzip, deflate
Connection: keep-alive
"""
TUSKIT_OPTIONS = f"""\
OPTIONS {{path}} HTTP/1.1
Host: {{host}}
TUS-Resumable: 1.0.0
Content-Length: 0
{_APPLE_END}"""
TUSKIT = FieldClient(
    create=f"""\
POST {{path}} HTTP/1.1
Host: {{host}}
TUS-Resumable: 1.0.0
Upload-Length: {{length}}
Upload-Metadata: {METADATA}
Content-Length: 0
{_APPLE_END}""",
    ask=f"""\
HEAD {{path}} HTTP/1.1
Host: {{host}}
TUS-Resumable: 1.0.0
{_APPLE_END}""",
    append=f"""\
PATCH {{path}} HTTP/1.1
Host: {{host}}
Content-Type: application/offset+octet-stream
TUS-Resumable: 1.0.0
Upload-Offset: {{offset}}
Content-Length: {{size}}
{_APPLE_END}""",
    chunk=500 * 1024,
)

DOTNET_DELETE = """\
DELETE {path} HTTP/1.1
Tus-Resumable: 1.0.0
Accept-Encoding: gzip
Host: {host}
Connection: close
"""
DOTNET = FieldClient(
    create=f"""\
POST {{path}} HTTP/1.1
Tus-Resumable: 1.0.0
Upload-Length: {{length}}
Upload-Metadata: {METADATA}
Accept-Encoding: gzip
Host: {{host}}
Content-Length: 0
Connection: close
""",
    ask="""\
HEAD {path} HTTP/1.1
Tus-Resumable: 1.0.0
Accept-Encoding: gzip
Host: {host}
Connection: close
""",
    append="""\
PATCH {path} HTTP/1.1
Tus-Resumable: 1.0.0
Upload-Offset: {offset}
Upload-Checksum: sha1 {sha1}
Content-Type: application/offset+octet-stream
Accept-Encoding: gzip
Host: {host}
Content-Length: {size}
Connection: close
""",
    chunk=5 * 1024 * 1024,
    created=(201,),
    accepted=(200, 204),
    appended=(204,),
)

_DART_START = """\
{path} HTTP/1.1
user-agent: Dart/3.5 (dart:io)
"""
DART = FieldClient(
    create=f"""\
POST {_DART_START}upload-metadata: {{none}}
upload-length: {{length}}
tus-resumable: 1.0.0
accept-encoding: gzip
content-length: 0
host: {{host}}
""",
    ask=f"""\
HEAD {_DART_START}tus-resumable: 1.0.0
accept-encoding: gzip
host: {{host}}
""",
    append=f"""\
PATCH {_DART_START}content-type: application/offset+octet-stream
upload-offset: {{offset}}
tus-resumable: 1.0.0
accept-encoding: gzip
content-length: {{size}}
host: {{host}}
""",
    chunk=512 * 1024,
)

CLIENTS: Mapping[str, FieldClient] = {
    "tus-java-client": JAVA,
    "tus-android-client": ANDROID,
    "go-tus": GO,
    "go-tus with POST": GO_OVERRIDE,
    "TUSKit": TUSKIT,
    "TusDotNetClient": DOTNET,
    "tus_client_dart": DART,
}

TUSC = """\
PATCH {path} HTTP/1.1
Host: {host}
User-Agent: curl/7.88.1
Accept: */*
Tus-Resumable: 1.0.0
Content-Type: application/offset+octet-stream
Content-Length: {size}
Upload-Checksum: sha1 {sha1}
Upload-Offset: {offset}
Transfer-Encoding: chunked
"""
"""The PATCH of tusc.sh: it frames the body in two ways at once, and its checksum is the hexadecimal digest of the whole
file, in base64."""
