"""A program for tusd's HTTP hooks that knows no other server: `python http_hooks.py PORT`.

It wants a filename, names uploads itself, keeps some metadata, and says where finished files are.
"""

import json
import sys
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = json.dumps(self.answer(call["Type"], call["Event"]["Upload"])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(reply)

    def answer(self, kind: str, upload: dict[str, Any]) -> dict[str, Any]:
        response: dict[str, Any] = {"HTTPResponse": {"Header": {}}}
        if kind == "pre-create" and "filename" not in upload["MetaData"]:
            response["RejectUpload"] = True
            response["HTTPResponse"] = {"StatusCode": 422, "Body": "a filename, please", "Header": {"X-Reason": "name"}}
        elif kind == "pre-create":
            metadata = {"filename": upload["MetaData"]["filename"], "by": "hook"}
            response["ChangeFileInfo"] = {"ID": f"mine-{uuid.uuid4()}", "MetaData": metadata}
        elif kind == "post-finish":
            print(f"{upload['ID']} has {upload['Size']} bytes: {upload['Storage']['Path']}", flush=True)
        return response

    def log_message(self, *_: object) -> None:
        """Print nothing for a request: only finished uploads are printed."""


HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
