"""Endpoints between the tables and the snapshot: what an Envoy that connects at any moment would get."""

from __future__ import annotations

from sealos_gateway.envoy import api, names
from sealos_gateway.explain import explain
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.observe import Metrics
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.core import EndpointSlice
from sealos_gateway.resources.ingress import IngressClass
from sealos_gateway.settings import PushSettings, Settings
from sealos_gateway.xds.fleet import Fleet
from tests import objects

HOST = "a.example.com"
NAME = names.backend(BackendKey("shop", "web", 80), "cluster.local")
TTL = 60


def made(ttl: int = TTL) -> Pipeline:
    settings = Settings(push=PushSettings(eds_cache_seconds=ttl))
    return objects.pipeline(
        objects.web(HOST), objects.service(), objects.slice_of("web", "10.0.0.1"), settings=settings
    )


def at(pipeline: Pipeline, now: float, *resources: EndpointSlice | IngressClass) -> set[str]:
    """Put objects, settle, and the addresses that Envoys get."""
    for one in resources:
        pipeline.put(objects.KINDS[type(one)], one.ref, one)
    pipeline.settle(now)
    row = pipeline.snapshot.row(names.ENDPOINTS, NAME)
    assert row is not None
    assert isinstance(row.body, bytes)
    found = api.endpoint.ClusterLoadAssignment.FromString(row.body)
    places = [it.endpoint.address.socket_address for group in found.endpoints for it in group.lb_endpoints]
    return {place.address for place in places}


def pods(*addresses: str) -> EndpointSlice:
    return objects.slice_of("web", *addresses)


def class_with(ttl: str) -> IngressClass:
    annotated = objects.metadata("sealos", "", annotations={"sealos.io/eds-cache-ttl": ttl})
    return IngressClass(annotated)


def test_additions_wait_and_a_removal_takes_them_along() -> None:
    pipeline = made()
    assert at(pipeline, 0, pods("10.0.0.1", "10.0.0.2")) == {"10.0.0.1", "10.0.0.2"}
    assert at(pipeline, 1, pods("10.0.0.1", "10.0.0.2", "10.0.0.3")) == {"10.0.0.1", "10.0.0.2"}
    revision = pipeline.snapshot.revision
    assert at(pipeline, 59) == {"10.0.0.1", "10.0.0.2"}
    assert pipeline.snapshot.revision == revision, "nothing was published, so nobody was woken"
    assert at(pipeline, 60) == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}
    assert at(pipeline, 61, pods("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")) == {
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.3",
    }
    assert at(pipeline, 62, pods("10.0.0.2", "10.0.0.4")) == {"10.0.0.2", "10.0.0.4"}


def test_a_row_rendered_late_shows_what_was_published_and_not_what_waits() -> None:
    """Rows are made when somebody asks, which may be long after they were published."""
    pipeline = made()
    pipeline.put(objects.KINDS[EndpointSlice], pods().ref, pods("10.0.0.1", "10.0.0.2"))
    pipeline.settle(0)
    pipeline.put(objects.KINDS[EndpointSlice], pods().ref, pods("10.0.0.1", "10.0.0.2", "10.0.0.3"))
    pipeline.settle(1)
    assert at(pipeline, 2) == {"10.0.0.1", "10.0.0.2"}


def test_a_shorter_time_lets_go_what_waits() -> None:
    pipeline = made()
    at(pipeline, 0, pods("10.0.0.1", "10.0.0.2"))
    at(pipeline, 1, pods("10.0.0.1", "10.0.0.2", "10.0.0.3"))
    assert at(pipeline, 2, class_with("5s")) == {"10.0.0.1", "10.0.0.2"}
    assert pipeline.pace.due == 5
    assert at(pipeline, 3, class_with("0s")) == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}
    assert at(pipeline, 4, pods("10.0.0.1", "10.0.0.4")) == {"10.0.0.1", "10.0.0.4"}
    assert pipeline.pace.due is None


def test_a_service_that_goes_and_comes_back_while_something_waits() -> None:
    pipeline = made()
    at(pipeline, 0, pods("10.0.0.1", "10.0.0.2"))
    at(pipeline, 1, pods("10.0.0.1", "10.0.0.2", "10.0.0.3"))
    objects.drop(pipeline, objects.service())
    row = pipeline.snapshot.row(names.ENDPOINTS, NAME)
    assert row is None or not row.alive
    objects.put(pipeline, objects.service())
    assert at(pipeline, 2) == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}


def test_the_first_load_is_never_held_back() -> None:
    """Slices of one Service may come in several lists before anybody is served."""
    pipeline = made()
    objects.put(pipeline, objects.slice_of("web", "10.0.0.2", name="second"))
    assert at(pipeline, 0) == {"10.0.0.1", "10.0.0.2"}


def test_what_waits_is_counted_and_explained() -> None:
    pipeline = made()
    at(pipeline, 0, pods("10.0.0.1", "10.0.0.2"))
    at(pipeline, 1, pods("10.0.0.1", "10.0.0.2", "10.0.0.3"))
    at(pipeline, 2, pods("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"))
    found = explain(f"http://{HOST}/", pipeline)
    assert found.endpoints == ("10.0.0.1:8080", "10.0.0.2:8080")
    assert found.held_back == ("10.0.0.3:8080", "10.0.0.4:8080")
    assert "sgw_endpoints_held_back 1.0" in (text := Metrics(pipeline, Fleet()).text().decode())
    assert "sgw_endpoint_pushes_saved_total 0.0" in text
    at(pipeline, 60)
    text = Metrics(pipeline, Fleet()).text().decode()
    assert "sgw_endpoints_held_back 0.0" in text
    assert "sgw_endpoint_pushes_saved_total 1.0" in text
    assert not explain(f"http://{HOST}/", pipeline).held_back
