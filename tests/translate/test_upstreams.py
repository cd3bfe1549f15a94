"""Backends and endpoints as they change; what they are made of is shown by golden cases (`golden/ingress`)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.model.backend_policy import Protocol
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.upstream import Endpoint
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.core import Endpoint as SliceEndpoint
from sealos_gateway.resources.core import EndpointConditions, ServicePort
from tests import objects
from tests.translate import gateways

KEY = BackendKey("shop", "web", 80)
SITE = objects.web("a.example.com")


def addresses(made: Pipeline) -> list[str]:
    found = made.endpoints.get(KEY)
    return [address for address, _ in found.endpoints] if found else []


def test_a_service_that_no_host_names_costs_nothing() -> None:
    made = objects.pipeline(objects.service(), objects.slice_of("web", "10.0.0.1"))
    assert not made.backends.rows
    assert not made.endpoints.rows


def test_one_backend_for_many_routes_and_hosts() -> None:
    sites = [objects.web(f"h{number}.com", f"web-{number}") for number in range(5)]
    made = objects.pipeline(*sites, objects.service())
    assert list(made.backends.rows) == [KEY]


def test_a_backend_goes_with_the_last_host_that_names_it() -> None:
    made = objects.pipeline(SITE, objects.service())
    objects.drop(made, SITE)
    assert not made.backends.rows
    assert not made.endpoints.rows


def test_endpoints_follow_their_slices() -> None:
    first, second = objects.slice_of("web", "10.0.0.1"), objects.slice_of("web", "10.0.0.2", name="web-2")
    made = objects.pipeline(SITE, objects.service(), first)
    objects.put(made, second)
    assert addresses(made) == ["10.0.0.1", "10.0.0.2"]
    objects.put(made, objects.slice_of("api", "10.0.0.1"))  # the slice now belongs to another Service
    objects.drop(made, first)
    assert addresses(made) == ["10.0.0.2"]


def test_a_service_may_become_an_external_name_and_back() -> None:
    made = objects.pipeline(SITE, objects.service(), objects.slice_of("web", "10.0.0.1"))
    objects.put(made, objects.external("web", "db.example.org"))
    backend = made.backends.get(KEY)
    assert backend is not None
    assert (backend.dns_name, backend.dns_port) == ("db.example.org", 80)
    assert KEY not in made.endpoints.rows
    objects.put(made, objects.service())
    assert addresses(made) == ["10.0.0.1"]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "a.LOCALHOST.", "169.254.169.254", "0", "not a name"])
@pytest.mark.parametrize("annotation", ["mirror-target-service", "auth-url", "destination"])
def test_nobody_is_sent_to_the_gateways_own_machine_whoever_names_the_service(name: str, annotation: str) -> None:
    """Nor to what is no name. Each is told, and nothing would be reached if it was not."""
    said = {"auth-url": "http://sly.shop.svc.cluster.local/"}.get(annotation, "sly")
    asks = objects.ingress(
        "web", objects.rule("a.test", objects.path("/")), annotations={f"higress.io/{annotation}": said}
    )
    sly = objects.external("sly", name, ServicePort(80))
    made = objects.pipeline(asks, objects.service(), sly)
    assert [it.reason for it in made.problems() if f"[higress.io/{annotation}]" in it.field] == ["InvalidExternalName"]
    assert {key.service for key in made.backends.rows} <= {"web"}


def test_a_route_of_a_gateway_is_not_sent_there_either() -> None:
    rules = [{"backendRefs": [{"name": "sly", "port": 80}]}]
    route = gateways.made(kinds.HTTP_ROUTE, "web", parentRefs=[{"name": "edge"}], hostnames=["a.com"], rules=rules)
    objects_ = (gateways.gateway(gateways.listener(port=9090)), objects.external("sly", "localhost", ServicePort(80)))
    made = gateways.pipeline(*objects_, route)
    assert [key for key in made.backends.rows if key.service == "sly"] == []
    assert any("own machine" in it.message for it in made.problems())


def test_a_protocol_that_changes_changes_the_backend_only() -> None:
    made = objects.pipeline(SITE, objects.service(), objects.slice_of("web", "10.0.0.1"))
    host = dict(made.hosts.rows)
    objects.put(made, objects.service("web", ServicePort(80, app_protocol="grpc")))
    backend = made.backends.get(KEY)
    assert backend is not None
    assert backend.protocol is Protocol.H2C
    assert made.hosts.rows == host


flags = st.none() | st.booleans()


@given(st.lists(st.builds(EndpointConditions, flags, flags, flags), max_size=4))
def test_terminating_endpoints_are_used_only_while_no_other_is_ready(conditions: list[EndpointConditions]) -> None:
    found = [SliceEndpoint((f"10.0.0.{number}",), it) for number, it in enumerate(conditions)]
    made = objects.pipeline(SITE, objects.service(), objects.slice_of("web", *found))
    used = addresses(made)
    ready = [f"10.0.0.{n}" for n, it in enumerate(conditions) if it.ready or (it.ready is None and not it.terminating)]
    if ready:
        assert used == ready
    else:
        assert all(conditions[int(address[-1])].terminating for address in used)
        assert all(conditions[int(address[-1])].serving is not False for address in used)


def test_equal_sets_are_equal_whatever_the_order() -> None:
    one = objects.pipeline(SITE, objects.service(), objects.slice_of("web", "10.0.0.2", "10.0.0.1"))
    other = objects.pipeline(objects.slice_of("web", "10.0.0.1", "10.0.0.2"), objects.service(), SITE)
    assert one.endpoints.rows == other.endpoints.rows
    found = one.endpoints.get(KEY)
    assert found is not None
    assert found.endpoints == (Endpoint("10.0.0.1", 8080), Endpoint("10.0.0.2", 8080))
