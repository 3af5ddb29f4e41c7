"""tuspyserver on a local disk, as its README shows it: `python tuspyserver_app.py PORT DIRECTORY`."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI
from tuspyserver import create_tus_router

if __name__ == "__main__":
    port, directory = sys.argv[1:]
    app = FastAPI()
    app.include_router(create_tus_router(prefix="files", files_dir=directory))
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
