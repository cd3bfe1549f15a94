"""How a request head is read: paths, slashes, odd headers, sizes; and who is answered when nobody is meant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.e2e import backends, manifests
from tests.e2e.backends import Recorder
from tests.e2e.conftest import Site
from tests.e2e.harness import Gateway
from tests.e2e.wire import Reply, exchange, request

KIBIBYTE = 1024


@asynccontextmanager
async def recording(gateway: Gateway, *paths: str) -> AsyncIterator[tuple[Site, Recorder]]:
    """A host whose paths (without any: all) lead to a backend that keeps what it sees."""
    site, recorder = Site(gateway), Recorder()
    async with backends.raw(recorder) as server:
        site.backend("web", server.port)
        site.ingress([manifests.path(path, "web:80") for path in paths or ("/",)])
        await gateway.settled()
        yield site, recorder
        site.clean()


@pytest.fixture
async def recorded(shared_gateway: Gateway) -> AsyncIterator[tuple[Site, Recorder]]:
    async with recording(shared_gateway) as found:
        yield found


def gateway_with(tmp_path_factory: pytest.TempPathFactory, **http: object) -> Gateway:
    return Gateway(tmp_path_factory.mktemp("gw"), settings={"http": http})


@pytest.fixture(scope="module")
def generous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Everything that a setting can open is open."""
    with gateway_with(
        tmp_path_factory,
        max_request_headers_kb=8192,
        max_request_headers=200,
        merge_slashes=True,
        escaped_slashes="unescape-and-forward",
        underscore_headers="allow",
    ) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Everything that a setting can refuse is refused, and paths are left alone."""
    with gateway_with(
        tmp_path_factory, escaped_slashes="reject", underscore_headers="reject", normalize_path=False
    ) as gateway:
        yield gateway


async def ask(site: Site, target: str, *lines: str) -> Reply:
    return await exchange(site.gateway.http_port, request(target, site.host, *lines))


PATHS = {
    "/a/../b": "/b",
    "/a/./b": "/a/b",
    "/a/%2e%2e/b": "/b",
    "/../../b": "/b",
    "/a/b/..": "/a/",
    "/a//b": "/a//b",
    "/a%2Fb": "/a%2Fb",
    "/a%20b?x=/../y": "/a%20b?x=/../y",
    "/a\\..\\b": "/b",
}


@pytest.mark.parametrize("target", PATHS)
async def test_paths_by_default(recorded: tuple[Site, Recorder], target: str) -> None:
    site, recorder = recorded
    assert (await ask(site, target)).status == 200
    assert recorder.seen[-1].target == PATHS[target]


async def test_a_path_is_routed_as_the_backend_will_read_it(shared_gateway: Gateway) -> None:
    """`/public/../admin` is not public."""
    async with recording(shared_gateway, "/public") as (site, recorder):
        assert (await ask(site, "/public/x")).status == 200
        for target in ("/public/../admin", "/public/%2e%2e/admin", "/public/..", "/public/x/../../admin"):
            assert (await ask(site, target)).status == 404, target
        assert [seen.target for seen in recorder.seen] == ["/public/x"]


async def test_slashes_are_merged_by_setting(generous: Gateway) -> None:
    async with recording(generous, "/a/b") as (site, recorder):
        for target in ("/a//b", "//a/b", "/a///b", "/a%2Fb", "/a%2f%2Fb"):
            assert (await ask(site, target)).status == 200, target
            assert recorder.seen[-1].target == "/a/b"


async def test_escaped_slashes_are_refused_and_paths_left_alone_by_setting(strict: Gateway) -> None:
    async with recording(strict) as (site, recorder):
        for target in ("/a%2Fb", "/a%2fb", "/a%5Cb"):
            assert (await ask(site, target)).status == 400, target
        assert not recorder.seen
        assert (await ask(site, "/a/../b")).status == 200
        assert recorder.seen[-1].target == "/a/../b"


async def test_headers_with_underscores_are_dropped_by_default(recorded: tuple[Site, Recorder]) -> None:
    site, recorder = recorded
    assert (await ask(site, "/", "X_Real_IP: 203.0.113.66", "X-Fine: yes")).status == 200
    assert recorder.seen[-1].values("x-fine") == ["yes"]
    assert not [name for name, _ in recorder.seen[-1].headers if "_" in name]


async def test_headers_with_underscores_are_refused_or_passed_by_setting(strict: Gateway, generous: Gateway) -> None:
    async with recording(strict) as (site, recorder):
        assert (await ask(site, "/", "x_y: z")).status == 400
        assert not recorder.seen
    async with recording(generous) as (site, recorder):
        assert (await ask(site, "/", "x_y: z")).status == 200
        assert recorder.seen[-1].values("x_y") == ["z"]


async def test_heads_up_to_60_kib_pass_and_bigger_ones_are_431(recorded: tuple[Site, Recorder]) -> None:
    site, recorder = recorded
    big = "b" * (58 * KIBIBYTE)
    assert (await ask(site, "/", f"X-Big: {big}")).status == 200
    assert recorder.seen[-1].values("x-big") == [big]
    for lines in ([f"X-Big: {'b' * (62 * KIBIBYTE)}"], [f"X-{n}: {'b' * (8 * KIBIBYTE)}" for n in range(8)]):
        reply = await ask(site, "/", *lines)
        assert reply.status == 431
    assert (await ask(site, "/" + "p" * (62 * KIBIBYTE))).status == 431
    assert len(recorder.seen) == 1


async def test_http2_heads_have_the_same_limit(recorded: tuple[Site, Recorder]) -> None:
    site, recorder = recorded
    big = "b" * (50 * KIBIBYTE)
    assert (await site.get(http2=True, headers={"X-Big": big})).status_code == 200
    assert recorder.seen[-1].values("x-big") == [big]


async def test_more_than_100_headers_are_431(recorded: tuple[Site, Recorder]) -> None:
    site, recorder = recorded
    assert (await ask(site, "/", *(f"X-{n}: 1" for n in range(80)))).status == 200
    assert (await ask(site, "/", *(f"X-{n}: 1" for n in range(120)))).status == 431
    assert len(recorder.seen) == 1


@pytest.mark.parametrize("mebibytes", [1, 4, 7])
async def test_heads_of_megabytes_by_setting(generous: Gateway, mebibytes: int) -> None:
    async with recording(generous) as (site, recorder):
        big = "b" * (mebibytes << 20)
        assert (await ask(site, "/", f"X-Big: {big}")).status == 200
        assert recorder.seen[-1].values("x-big") == [big]


async def test_more_headers_by_setting(generous: Gateway) -> None:
    async with recording(generous) as (site, recorder):
        assert (await ask(site, "/", *(f"X-{n}: 1" for n in range(150)))).status == 200
        assert len(recorder.seen[-1].headers) > 150


@pytest.mark.parametrize("http2", [False, True], ids=["http/1.1", "h2c"])
async def test_unknown_hosts_and_paths_are_404_with_an_empty_body(shared_gateway: Gateway, http2: bool) -> None:
    async with recording(shared_gateway, "/known") as (site, recorder):
        for host, path in ((site.host, "/unknown"), (f"not-{site.host}", "/known"), ("127.0.0.1", "/"), ("[::1]", "/")):
            reply = await shared_gateway.get(host, path, http2=http2)
            assert (reply.status_code, reply.content) == (404, b""), host
            if not http2:
                assert reply.headers["content-length"] == "0"
        assert not recorder.seen
