"""Pages of another origin than the server's: bundled by esbuild, served from another port."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from scripts.node import environment

UI = Path(__file__).parent.parent / "ui"
"""The directory of the upload page's source; all pages may import the packages of its package.json."""


def bundle(script: Path, directory: Path) -> None:
    """Write `script` and all it imports as one `.js` to `directory`, and copy the `.html` of the same name, which is in
    the directory of `script`, there. Raises RuntimeError if esbuild fails, FileNotFoundError if esbuild or the `.html`
    is missing, SystemExit if there is no Node.js."""
    packages = UI / "node_modules"
    done = subprocess.run(
        [packages / ".bin" / "esbuild", script, "--bundle", "--format=esm", f"--outdir={directory}"],
        env={**environment(), "NODE_PATH": str(packages)},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    shutil.copy(script.with_suffix(".html"), directory)


@asynccontextmanager
async def site(directory: Path) -> AsyncIterator[str]:
    """Serve the files in `directory` while the context lasts; yield the origin, without a slash at its end."""
    app = web.Application()
    app.router.add_static("/", directory)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
