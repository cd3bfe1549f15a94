"""Ingresses whose backend is not there, or not there yet: 503 in Envoy's words, which software reads."""

from __future__ import annotations

import pytest

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.harness import eventually

NO_UPSTREAM = "no healthy upstream"


@pytest.fixture
def one(site: Site, echo_a: Echo) -> Site:
    """A site with the Service `a`."""
    site.backend("a", echo_a.port)
    return site


async def test_a_resource_backend_is_refused_clearly_and_the_rest_is_served(one: Site) -> None:
    bucket = {"resource": {"apiGroup": "k8s.example.com", "kind": "StorageBucket", "name": "static"}}
    one.ingress([manifests.path("/", "a:80"), manifests.path("/static", bucket)])
    await one.gateway.settled()
    assert (await one.answer())["name"] == "echo-a"
    assert (await one.get("/static")).status_code == 503
    assert any("StorageBucket static" in it and f"{one.namespace}/web" in it for it in one.gateway.problems())


async def test_a_missing_service_answers_503_in_envoys_words_until_it_comes(site: Site, echo_a: Echo) -> None:
    site.ingress("web:80")
    await site.gateway.settled()
    reply = await site.get()
    assert (reply.status_code, reply.text) == (503, NO_UPSTREAM)
    assert any("ServiceNotFound" in it and f"{site.namespace}/web" in it for it in site.gateway.problems())

    site.apply(manifests.service("web", site.namespace))
    await site.gateway.settled()
    reply = await site.get()  # the Service is there, and nobody behind it
    assert (reply.status_code, reply.text) == (503, NO_UPSTREAM)

    site.slice("web", echo_a.port)

    async def served() -> None:
        assert (await site.answer())["name"] == "echo-a"

    await eventually(served, 3)


async def test_endpoints_that_go_away_answer_503_in_the_same_words(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress()
    await site.gateway.settled()
    assert (await site.answer())["name"] == "echo-a"
    site.apply(manifests.endpoint_slice("web", site.namespace, [], {"http": echo_a.port}))

    async def empty() -> None:
        reply = await site.get()
        assert (reply.status_code, reply.text) == (503, NO_UPSTREAM)

    await eventually(empty)


async def test_a_port_that_the_service_has_not_answers_503_and_is_told(one: Site) -> None:
    one.ingress("a:8080")
    await one.gateway.settled()
    reply = await one.get()
    assert (reply.status_code, reply.text) == (503, NO_UPSTREAM)
    assert any("PortNotFound" in it and f"{one.namespace}/web" in it for it in one.gateway.problems())
