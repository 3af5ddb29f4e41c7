from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tusd_py.config import LocalDirectory, MemoryState, RedisState, S3Bucket, Settings, load_settings
from tusd_py.config.units import GIB, KIB, MIB, parse_duration, parse_size
from tusd_py.domain.errors import ConfigurationError


def load(flags: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    return load_settings(flags or {}, None, environ or {})


def complaint(flags: Mapping[str, object]) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load(flags)
    return str(raised.value)


WRONG: Mapping[str, Sequence[object]] = {
    "port": ["-1", "65536", "", "8080.0", True, 80.5],
    "host": ["", "two words", "http://x", ",", "::1,a b", "[::1]"],
    "unix_socket": ["a\0b", "/" + "x" * 107],
    "metrics_address": ["9090", ":9090", "host", "::1:9090", "[::1]", "host:65536", "host:", "unix:", "http://x:1"],
    "base_path": ["/fi les/", "/files?x", "https://x/files/", "/a/../b", "/{id}/"],
    "storage": [
        "",
        "data",
        "file:",
        "file://host/x",
        "s3:bucket",
        "s3://",
        "s3://UP",
        "s3://b_c",
        "s3://a..b",
        "s3://192.168.0.1",
        "s3://bucket/a//b",
        "s3://bucket/../x",
        "s3://bucket/" + 600 * "a",
        "gs://bucket",
    ],
    "state": [
        "",
        "memory",
        "memory:x",
        "sqlite:",
        "sqlite::memory:",
        "redis:",
        "redis://",
        "redis://h:x",
        "unix://",
        "redis://h/name",
        "mysql://h",
    ],
    "ietf_interim_responses": ["maybe", "", "AUTO!", True],
    "part_size": ["4MiB", "6GiB", "big", True],
    "memory_budget": ["1MiB", "none", ""],
    "max_size": ["-1", "10 quids", "1.5"],
    "max_client_creations": ["10", "0/s", "10/d", "-1/m", "1.5/s", "1000001/s", "10/", "/s", "1_0/s", "10 / m", True],
    "max_open_uploads": ["0", "-1", "many"],
    "max_open_bytes": ["-1", "much"],
    "max_partial_uses": ["0", "none", "10001"],
    "expire_after": ["-1", "1y", "nan", "inf", "99999d"],
    "retention": ["soon"],
    "network_timeout": ["0", "none"],
    "lock_ttl": ["0", "none", ""],
    "shutdown_timeout": ["none"],
    "behind_proxy": ["perhaps", ""],
    "public_url": [
        "uploads.example.org",
        "ftp://x/",
        "https://x/?a",
        "https://x/#a",
        "https://u:p@x/",
        "https://",
        "https://x:y/",
    ],
    "cors_allow_origin": ["(", "*"],
    "cors_allow_headers": ["X A", "X:A", [1]],
    "allowed_types": ["image", "image/", "/png", "*/png", "image/p*", "image/png;a=b", "a b/c", [1]],
    "allowed_extensions": [".jpg", "jpg.", "a/b", "*.jpg", "a b", [1]],
    "workers": ["0", "-1", "many"],
    "log_format": ["xml"],
    "log_level": ["loud"],
    "ui": ["maybe", ""],
    "gone_status": ["403", "500", ""],
    "s3_profile": ["missing"],
    "s3_endpoint_url": ["localhost:9000", "https://x/?y"],
    "s3_tags": ["novalue", "=x", "a=1,a=2", ",".join(f"k{n}=v" for n in range(11)), "k=" + 257 * "v", ["a=b"]],
    "s3_sse": ["rot13"],
    "s3_sse_kms_key_id": ["alias/x"],
    "s3_concurrency": ["0"],
    "object_key": [
        "",
        "fixed",
        "{filename}",
        "/{id}",
        "../{id}",
        "{id}{secret}",
        "{id!r}",
        "{id:>9}",
        "{id}{",
        "{id}{}",
    ],
}


@pytest.mark.parametrize(("setting", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_complaint_of_a_bad_value_says_the_expected(setting: str, value: object) -> None:
    line = complaint({setting: value})
    assert line.startswith(f"--{setting.replace('_', '-')} ")
    assert ": expected " in line


@pytest.mark.parametrize(
    "template",
    ["{year}.{month}.{day}/{id}", "{filename}.{id}.bin", "{id}.{filename}", "a..b/{id}", "...{id}", ".a/{id}/.tusd-py"],
)
def test_dots_beside_fields_are_no_path_upwards(template: str) -> None:
    assert load({"object_key": template, "storage": "s3://bucket"}).object_key == template


@pytest.mark.parametrize(
    "template", ["./{id}", "../{id}", "a/../{id}", "a//{id}", "{id}/", "/{id}", "{id}/..", ".tusd-py/{id}/{filename}"]
)
def test_a_key_on_s3_has_no_empty_segment_or_dots(template: str) -> None:
    assert "without segments that are empty" in complaint({"object_key": template, "storage": "s3://bucket"})


def test_every_setting_is_said_in_one_place_with_its_meaning() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize("text", ["10/s", "60/m", "999999/h"])
def test_a_rate_is_so_often_in_a_second_a_minute_or_an_hour(text: str) -> None:
    rate = load({"max_client_creations": text}).max_client_creations
    assert rate is not None
    assert str(rate) == text
    assert Settings(max_client_creations=rate).max_client_creations == rate, "as it comes from another process"
    assert f"{rate.count}/{rate.seconds}" in {"10/1", "60/60", "999999/3600"}


def test_words_for_none() -> None:
    for word in ("none", "", "None", "0"):
        assert load({"max_size": word}).max_size is None
    for word in ("0", "never", "forever", "none", "0s"):
        assert load({"expire_after": word}).expire_after is None
    assert load({"retention": "forever"}).retention is None
    assert load(environ={"TUSD_PY_S3_ENDPOINT_URL": ""}).s3_endpoint_url is None


def test_allowed_types_and_extensions_are_lists_without_case() -> None:
    settings = load({"allowed_types": "image/*, Application/PDF ,*/*", "allowed_extensions": ["JPG", "tar.GZ", "фото"]})
    assert settings.allowed_types == ("image/*", "application/pdf", "*/*")
    assert settings.allowed_extensions == ("jpg", "tar.gz", "фото")
    for word in ("", "any", "none"):
        assert (
            load({"allowed_types": word}).allowed_types == load({"allowed_extensions": word}).allowed_extensions == ()
        )


@pytest.mark.parametrize("path", ["/up", "up", "up/", "/up/", "//up//"])
def test_a_base_path_gets_its_slashes(path: str) -> None:
    assert load({"base_path": path}).base_path == "/up/"


def test_the_base_path_may_be_the_root() -> None:
    assert load({"base_path": "/"}).base_path == "/"


def test_a_public_url_without_a_path_gets_the_base_path() -> None:
    assert load().public_endpoint is None
    assert load({"public_url": "https://x"}).public_endpoint == "https://x/files/"
    assert load({"public_url": "https://x/"}).public_endpoint == "https://x/files/"
    assert load({"public_url": "https://x/api/up"}).public_endpoint == "https://x/api/up/"


def test_places_are_read() -> None:
    assert load({"storage": "s3://bucket"}).storage == S3Bucket("bucket")
    assert load({"storage": "s3://bucket/a/b/"}).storage == S3Bucket("bucket", "a/b/")
    assert str(load({"storage": "s3://bucket/a"}).storage) == "s3://bucket/a"
    assert load({"storage": "file:///srv/up"}).storage == LocalDirectory(Path("/srv/up"))
    assert load({"state": "memory:"}).state == MemoryState()
    assert load({"state": "unix:///run/redis.sock?db=1"}).state == RedisState(SecretStr("unix:///run/redis.sock?db=1"))


@pytest.mark.parametrize("prefix", ["a", "tusd-py:", "!staging/1.2;x", "x" * 64])
def test_redis_keys_may_begin_with_anything_plain(prefix: str) -> None:
    assert load({"redis_prefix": prefix}).redis_prefix == prefix


@pytest.mark.parametrize("prefix", ["", "x" * 65, "a b", "a\n", "é", *(f"a{sign}" for sign in "*?[]{}\\")])
def test_redis_keys_begin_with_no_pattern_and_no_hash_slot(prefix: str) -> None:
    assert complaint({"redis_prefix": prefix}).startswith(f"--redis-prefix {prefix!r}: expected 1 to 64 visible")


def test_workers_need_a_state_that_processes_can_share() -> None:
    assert "memory:" in complaint({"workers": "2", "state": "memory:"})
    assert load({"workers": "1", "state": "memory:"}).workers == 1
    assert load({"workers": "2", "state": "redis://h"}).workers == 2
    assert load({"workers": "2"}).workers == 2


def test_the_memory_budget_holds_two_parts() -> None:
    assert load({"part_size": "16MiB", "memory_budget": "32MiB"}).memory_budget == 32 * MIB
    assert complaint({"part_size": "64MiB", "memory_budget": "127MiB"}).startswith("--memory-budget '127MiB': expected")


def test_sniffing_needs_types_to_judge_by() -> None:
    assert load({"sniff": "on", "allowed_types": "image/*"}).sniff
    assert complaint({"sniff": "on"}).startswith("--sniff 'on': expected allowed-types")


def test_a_kms_key_goes_with_kms() -> None:
    assert load({"s3_sse": "AWS:KMS", "s3_sse_kms_key_id": "k"}).s3_sse == "aws:kms"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8MiB", 8 * MIB),
        ("1GB", 10**9),
        ("512k", 512 * KIB),
        ("5M", 5 * MIB),
        ("1.5GiB", GIB * 3 // 2),
        ("7", 7),
        (" 8 mib ", 8 * MIB),
        (7, 7),
        ("10b", 10),
        ("2kB", 2000),
    ],
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800), ("500ms", 0.5), (0.5, 0.5), ("0", 0)],
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@given(st.text())
def test_a_quantity_is_read_or_refused_and_nothing_else(text: str) -> None:
    for parse in (parse_size, parse_duration):
        try:
            assert parse(text) >= 0
        except ValueError:
            continue


@pytest.mark.parametrize("base_path", ["/", "/ui/", "/ui/files/"])
def test_the_page_and_uploads_have_paths_of_their_own(base_path: str) -> None:
    assert load({"base_path": base_path, "ui": "off"}).base_path == base_path
    expected = "--ui 'on': expected a base-path other than / and /ui/ with it"
    assert complaint({"base_path": base_path, "ui": "on"}) == expected
    assert load({"base_path": "/uploads/", "ui": "on"}).ui
    for name in ("jobs", "dashboard"):
        complains = complaint({"base_path": f"/{name}/", name: "on"})
        assert complains == f"--{name} 'on': expected another base-path than /{name}/"
