"""Routes that an Envoy refuses keep the backends that the routes before them named."""

from sealos_gateway.envoy import names
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.ingress import Ingress
from tests import objects

ROUTES = "ingress|a.com"
OLD, NEW = BackendKey("shop", "old", 80), BackendKey("shop", "new", 80)


def moved() -> Pipeline:
    """A host served by `old`, whose routes were acknowledged, and which was then moved to `new`."""
    made = objects.pipeline(objects.service("old"), objects.service("new"), site("old"))
    row = made.snapshot.row(names.ROUTES, ROUTES)
    assert row is not None
    made.snapshot.accept(names.ROUTES, ROUTES, row.version)
    objects.put(made, site("new"))
    return made


def site(service: str) -> Ingress:
    return objects.ingress("web", objects.rule("a.com", objects.path("/", service)))


def test_a_backend_that_no_route_names_goes() -> None:
    assert set(moved().backends.rows) == {NEW}


def test_a_backend_that_refused_routes_named_before_stays() -> None:
    made = moved()
    made.keep_last_good({ROUTES})
    made.settle()
    assert set(made.backends.rows) == {OLD, NEW}
    assert set(made.endpoints.rows) == {OLD, NEW}


def test_it_goes_when_the_refusal_is_over() -> None:
    made = moved()
    made.keep_last_good({ROUTES})
    made.settle()
    made.keep_last_good(())
    made.settle()
    assert set(made.backends.rows) == {NEW}


def test_refused_routes_without_a_last_good_state_keep_nothing() -> None:
    made = objects.pipeline(objects.service("old"), site("old"))
    made.keep_last_good({ROUTES, "ingress|nobody.com"})
    made.settle()
    assert len(made.last_good) == 0
