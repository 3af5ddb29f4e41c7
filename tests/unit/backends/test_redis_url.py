"""The URL of a Redis: the ones that are refused, and the secrets in it, which no error or name of the state tells."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from devtools.redis import RedisServer
from tests.support.uploads import upload
from tusd_py.backends.redis.locks import RedisLocker
from tusd_py.backends.redis.state import RedisState
from tusd_py.domain.errors import ConfigurationError


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@127.0.0.1/",
        "redis://user:secret@127.0.0.1/0?prefix=prod",
        "redis://user:secret@127.0.0.1/0?socket_timeout=abc",
        "unix://user:secret@/tmp/socket?prefix=prod",
        "unix://user:secret@host:99999/tmp/socket",
        "rediss://user:secret@127.0.0.1?ssl_cert_reqs=zzz",
        "redis://127.0.0.1:abc",
        "redis://127.0.0.1:99999",
        "redis://[::1",
        "redis://user:secret@[::1?password=secret",
        "redis://:secret/2@127.0.0.1",
        "redis://:secret?2@127.0.0.1",
        "redis://user:secret#2@127.0.0.1",
    ],
)
def test_error_of_invalid_url_hides_secrets(url: str) -> None:
    for adapter in (RedisState, lambda url: RedisLocker(url, 60.0)):
        with pytest.raises(ConfigurationError, match=r"^not the URL of a Redis: ") as raised:
            adapter(url)
        assert "secret" not in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://user:secret@127.0.0.1:6379/0?password=secret", "redis://127.0.0.1:6379/0"),
        ("redis://127.0.0.1?password=secret@2", "redis://127.0.0.1"),
        ("rediss://:secret@[::1]:6379", "rediss://[::1]:6379"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("unix://user:secret@/run/redis.sock?db=1", "unix:///run/redis.sock"),
        ("unix://host/run/redis.sock", "unix://host/run/redis.sock"),
    ],
)
async def test_its_name_tells_no_secret(url: str, name: str) -> None:
    async with aclosing(RedisState(url)) as state:
        assert state.name == name


@pytest.mark.parametrize("user", ["", "default:any@", "host"])
async def test_a_redis_is_reached_over_its_unix_socket(redis_running: RedisServer, user: str) -> None:
    url = f"unix://{user}{redis_running.socket}"
    async with aclosing(RedisState(url, "socket:")) as state, aclosing(RedisLocker(url, 60.0, "socket:")) as locker:
        created = await state.create(upload())
        assert await state.load(created.id) == created
        async with locker.hold(created.id, on_release_request=lambda: None, wait=0):
            await state.delete(created)
