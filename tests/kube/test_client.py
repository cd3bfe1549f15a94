"""Requests over real sockets: credentials that change, answers that break off, errors with their reasons."""

import asyncio

import pytest

from sealos_gateway.kube import client, errors
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.config import Config, Stamp, Tls
from tests.fake_clock import FakeClock, eventually
from tests.fakes import FakeKube
from tests.kube import cluster
from tests.kube.cluster import Fixed

SERVICES = "/api/v1/namespaces/shop/services"


def test_paths() -> None:
    assert client.path("v1", "services") == "/api/v1/services"
    assert client.path("v1", "services", "shop", "web") == "/api/v1/namespaces/shop/services/web"
    assert client.path("a/v1", "x", "shop", "web", "status") == "/apis/a/v1/namespaces/shop/x/web/status"
    assert client.path("v1", "secrets", "shop", "a/../b?c") == "/api/v1/namespaces/shop/secrets/a%2F..%2Fb%3Fc"


async def test_the_whole_answer(kube: FakeKube) -> None:
    kube.put("services", cluster.service())
    async with cluster.client_of(kube) as api:
        assert b'"name": "web"' in await api.request("GET", f"{SERVICES}/web")
    assert kube.requests[0].headers["Accept-Encoding"] == "identity"


async def test_an_answer_is_read_over_one_kept_connection(kube: FakeKube) -> None:
    kube.put("services", cluster.service())
    async with cluster.client_of(kube) as api:
        for _ in range(3):
            await api.request("GET", SERVICES)
    assert len({request.peer for request in kube.requests}) == 1


@pytest.mark.parametrize("status", [403, 404, 409, 410, 422, 500])
async def test_refusals_carry_what_the_server_says(kube: FakeKube, status: int) -> None:
    kube.fail("services", status)
    async with cluster.client_of(kube) as api:
        with pytest.raises(type(errors.error_for(status, ""))) as caught:
            await api.request("GET", SERVICES)
    assert (caught.value.status, str(caught.value)) == (status, "as the test wants it")


async def test_too_many_requests_say_when_to_come_back(kube: FakeKube) -> None:
    kube.fail("services", 429, retry_after=7)
    async with cluster.client_of(kube) as api:
        with pytest.raises(errors.TooManyRequestsError) as caught:
            await api.request("GET", SERVICES)
    assert caught.value.retry_after == 7


async def test_a_server_that_hangs_up_or_is_away_is_unreachable(kube: FakeKube) -> None:
    kube.fail("services", 0, times=2)  # aiohttp itself asks once more
    async with cluster.client_of(kube) as api:
        with pytest.raises(errors.UnreachableError):
            await api.request("GET", SERVICES)
        await kube.stop()
        with pytest.raises(errors.UnreachableError):
            await api.request("GET", SERVICES)
        await kube.start(kube.port)
        assert await api.request("GET", SERVICES)


async def test_a_watch_that_is_cut_or_silent_is_unreachable(kube: FakeKube) -> None:
    clock = FakeClock()
    async with cluster.client_of(kube, clock) as api:
        async with api.stream("GET", SERVICES, {"watch": "true"}, quiet_seconds=30) as pieces:
            kube.say("services", b"one")
            assert await anext(pieces) == b"one"
            kube.cut()
            with pytest.raises(errors.UnreachableError):
                await anext(pieces)
        async with api.stream("GET", SERVICES, {"watch": "true"}, quiet_seconds=30) as pieces:
            waiting = asyncio.ensure_future(anext(pieces))  # noqa: TID251
            await eventually(lambda: kube.watches() == 1)
            await asyncio.sleep(0)
            clock.advance(29)
            assert not waiting.done()
            clock.advance(1)
            with pytest.raises(errors.UnreachableError, match="nothing came for 30 s"):
                await waiting


async def test_a_token_is_loaded_again_when_it_is_old(kube: FakeKube) -> None:
    clock, access = FakeClock(), Fixed(kube.url, "first")
    async with Client(access, clock) as api:
        await api.request("GET", SERVICES)
        access.config = Config(kube.url, "Bearer second")
        await api.request("GET", SERVICES)
        clock.advance(60)
        await api.request("GET", SERVICES)
    assert [it.headers["Authorization"] for it in kube.requests] == ["Bearer first", "Bearer first", "Bearer second"]


async def test_a_refused_token_is_replaced_at_once_and_only_if_there_is_another(kube: FakeKube) -> None:
    kube.tokens = {"second"}
    access = Fixed(kube.url, "first")
    async with Client(access, FakeClock()) as api:
        with pytest.raises(errors.UnauthorizedError):
            await api.request("GET", SERVICES)
        assert len(kube.requests) == 1, "the same token need not be refused twice"
        access.config = Config(kube.url, "Bearer second")
        assert await api.request("GET", SERVICES)


async def test_many_requests_that_are_refused_together_load_once(kube: FakeKube) -> None:
    kube.tokens = {"second"}
    access = Fixed(kube.url, "first")
    async with Client(access, FakeClock()) as api:
        with pytest.raises(errors.UnauthorizedError):
            await api.request("GET", SERVICES)
        access.config = Config(kube.url, "Bearer second")
        before = access.loads
        await asyncio.gather(*(api.request("GET", SERVICES) for _ in range(10)))
        assert access.loads == before + 1


async def test_without_configuration_nothing_can_be_reached(kube: FakeKube) -> None:
    access = Fixed(kube.url)
    access.error = "the token file is empty"
    async with Client(access, FakeClock()) as api:
        with pytest.raises(errors.UnreachableError, match="token file is empty"):
            await api.request("GET", SERVICES)
        access.error = ""
        assert await api.request("GET", SERVICES)


async def test_new_certificates_mean_new_connections(kube: FakeKube) -> None:
    clock, access = FakeClock(), Fixed(kube.url)
    async with Client(access, clock) as api:
        async with api.stream("GET", SERVICES, {"watch": "true"}) as pieces:
            await eventually(lambda: kube.watches() == 1)
            access.config = Config(kube.url, tls=Tls(ca=Stamp("ca.crt", 1, 1)))
            clock.advance(60)
            await api.request("GET", SERVICES)
            with pytest.raises(errors.UnreachableError):
                await anext(pieces)
        assert len({request.peer for request in kube.requests}) == 2


async def test_redirects_are_not_followed_with_our_token(kube: FakeKube) -> None:
    kube.fail("services", 302)
    async with cluster.client_of(kube, token="secret") as api:
        with pytest.raises(errors.ApiError):
            await api.request("GET", SERVICES)
    assert len(kube.requests) == 1
