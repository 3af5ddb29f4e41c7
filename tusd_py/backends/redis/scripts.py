"""Lua scripts in Redis, each registered when it first runs."""

from __future__ import annotations

from typing import Any

from tusd_py.backends.redis.connection import unavailable_on_error


class Scripts:
    """A runner of scripts that get no KEYS, but the prefix of all keys as their first argument."""

    def __init__(self, redis: Any, prefix: str) -> None:
        self._redis, self._prefix = redis, prefix
        self._registered = dict[str, Any]()

    async def run(self, script: str, *arguments: object) -> Any:
        """Run the script with the prefix and the arguments; return its result. Raises StateUnavailable, StateFull."""
        if script not in self._registered:
            self._registered[script] = self._redis.register_script(script)
        with unavailable_on_error():
            return await self._registered[script](args=[self._prefix, *arguments])
