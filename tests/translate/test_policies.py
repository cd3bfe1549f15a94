"""Our policies at their targets: who wins, who is woken, what status says. What each field means: golden/policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sealos_gateway.live import Derived
from sealos_gateway.model.keys import HostKey
from sealos_gateway.model.policy import HeaderAction, HeaderChange, HeaderChanges, Policy, Rewrite, Timeouts
from sealos_gateway.model.template import literal
from sealos_gateway.model.traffic import Respond, Route
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.meta import Condition
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref, Resource
from sealos_gateway.translate.policies import merging
from sealos_gateway.translate.policies.reading import size
from tests import objects
from tests.translate import gateways
from tests.translate.gateways import listener, made

API = "gateway.networking.k8s.io"
SIZES = (20, 400)


def target(kind: str, name: str, section: str = "") -> dict[str, str]:
    group = {"Ingress": "networking.k8s.io", "Service": ""}.get(kind, API)
    return {"group": group, "kind": kind, "name": name, **({"sectionName": section} if section else {})}


def traffic(name: str, *targets: dict[str, str], created: str = "", **spec: Any) -> Resource:
    return made(kinds.TRAFFIC_POLICY, name, created=created, targetRefs=list(targets), **spec)


def security(name: str, *targets: dict[str, str], **spec: Any) -> Resource:
    return made(kinds.SECURITY_POLICY, name, targetRefs=list(targets), **spec)


def backend(name: str, *targets: dict[str, str], **spec: Any) -> Resource:
    return made(kinds.BACKEND_POLICY, name, targetRefs=list(targets), **spec)


def http_route(
    name: str, host: str, service: str = "web", parent: dict[str, Any] | None = None, **more: Any
) -> Resource:
    rule = {"name": "one", "backendRefs": [{"name": service, "port": 80}]}
    parents = [parent or {"name": "edge"}]
    return made(kinds.HTTP_ROUTE, name, parentRefs=parents, hostnames=[host], rules=[rule], **more)


def everything(count: int) -> list[Resource]:
    """Each host with a route, an Ingress and a Service of its own."""
    found: list[Resource] = [gateways.gateway_class(), gateways.gateway(listener(port=8000), listener("b", 9001))]
    for number in range(count):
        found += [
            objects.service(f"web-{number}"),
            http_route(f"r{number}", f"r{number}.test", f"web-{number}", {"name": "edge", "sectionName": "http"}),
            objects.ingress(f"i{number}", objects.rule(f"i{number}.test", objects.path("/", f"web-{number}"))),
        ]
    return found


@pytest.fixture(scope="module")
def worlds() -> dict[int, Pipeline]:
    return {size: objects.pipeline(*everything(size), settings=gateways.SETTINGS) for size in SIZES}


def computed(made: Pipeline, change: Callable[[], object]) -> int:
    tables = [table for table in made.graph.tables if isinstance(table, Derived)]
    before = sum(table.computed for table in tables)
    change()
    return sum(table.computed for table in tables) - before


ROUTED: list[tuple[str, Resource]] = [
    ("route", traffic("p", target("HTTPRoute", "r7"), timeouts={"request": "1s"})),
    ("rule", security("p", target("HTTPRoute", "r7", "one"), ipRestriction={"deny": ["192.0.2.1"]})),
    ("Ingress", traffic("p", target("Ingress", "i7"), timeouts={"request": "1s"})),
    ("Service", backend("p", target("Service", "web-7"), sessionAffinity={"cookie": {"name": "S"}})),
]


@pytest.mark.parametrize(("what", "policy"), ROUTED, ids=[name for name, _ in ROUTED])
def test_a_policy_wakes_what_it_is_attached_to_and_nothing_else(
    worlds: dict[int, Pipeline], what: str, policy: Resource
) -> None:
    """However many routes there are: put, changed, and dropped."""
    costs = []
    for count, pipeline in worlds.items():
        before = {key: row for table in (pipeline.hosts, pipeline.gateway_hosts) for key, row in table.rows.items()}
        put = computed(pipeline, lambda pipeline=pipeline: objects.put(pipeline, policy))  # type: ignore[misc]
        after = {key: row for table in (pipeline.hosts, pipeline.gateway_hosts) for key, row in table.rows.items()}
        changed = {key.host for key, row in after.items() if row != before[key]}
        assert changed == {"route": {"r7.test"}, "rule": {"r7.test"}, "Ingress": {"i7.test"}}.get(
            what, {"r7.test", "i7.test"}
        )
        dropped = computed(pipeline, lambda pipeline=pipeline: objects.drop(pipeline, policy))  # type: ignore[misc]
        assert after.keys() == before.keys()
        assert {k: r for t in (pipeline.hosts, pipeline.gateway_hosts) for k, r in t.rows.items()} == before
        costs.append((put, dropped))
        assert max(put, dropped) < 25, count
    assert costs[0] == costs[1]


def test_who_has_no_policy_remembers_nothing_of_them(worlds: dict[int, Pipeline]) -> None:
    pipeline = worlds[SIZES[0]]
    for table in pipeline.own_policies.attached.values():
        assert not table._readers, table.name


# ---------------------------------------------------------------- what holds


def world(*more: Resource) -> Pipeline:
    base = [gateways.gateway_class(), gateways.gateway(listener(port=8000), listener("b", 9001)), objects.service()]
    return objects.pipeline(*base, http_route("web", "web.test"), *more, settings=gateways.SETTINGS)


def routes(pipeline: Pipeline, port: int = 8000, host: str = "web.test") -> tuple[Route, ...]:
    row = pipeline.gateway_hosts.get(HostKey(f"/{port}", host))
    assert row is not None
    return row.routes


def policy(pipeline: Pipeline, port: int = 8000) -> Policy:
    return routes(pipeline, port)[0].policy or Policy()


def conditions(pipeline: Pipeline, kind: Kind, name: str, number: int = 0) -> dict[str, Condition]:
    row = pipeline.gateway_statuses[kind].get(Ref("shop", name))
    return {it.type: it for it in row.ancestors[number].conditions} if row and len(row.ancestors) > number else {}


def test_a_listener_set_comes_between_the_listener_and_the_gateway() -> None:
    allowed = {"namespaces": {"from": "All"}}
    gateway = gateways.gateway(listener(port=8000), allowedListeners=allowed)
    pipeline = objects.pipeline(
        gateways.gateway_class(), gateway, gateways.listener_set(listener("own", 8002)), objects.service(),
        http_route("web", "web.test", parent={"kind": "ListenerSet", "name": "more"}),
        traffic("a", target("Gateway", "edge"), timeouts={"request": "1s", "idle": "1s", "backendRequest": "1s"}),
        traffic("b", target("ListenerSet", "more"), timeouts={"idle": "2s", "backendRequest": "2s"}),
        traffic("c", target("ListenerSet", "more", "own"), timeouts={"backendRequest": "3s"}),
        traffic("d", target("Gateway", "edge", "http"), timeouts={"request": "9s"}),
        settings=gateways.SETTINGS,
    )  # fmt: skip
    assert policy(pipeline, 8002).timeouts == Timeouts(request=1.0, idle=2.0, attempt=3.0)
    assert conditions(pipeline, kinds.TRAFFIC_POLICY, "c")["Accepted"].status == "True"


def test_the_next_one_takes_over_when_the_oldest_goes() -> None:
    older = traffic("older", target("HTTPRoute", "web"), created="2025-01-01T00:00:00Z", maxRequestBodySize=1)
    younger = traffic("a", target("HTTPRoute", "web"), created="2026-01-01T00:00:00Z", maxRequestBodySize=2)
    pipeline = world(younger, older)
    assert policy(pipeline).body_limit == 1
    told = conditions(pipeline, kinds.TRAFFIC_POLICY, "a")["Accepted"]
    assert (told.status, told.reason, told.observed_generation) == ("False", "Conflicted", 3)
    assert "TrafficPolicy shop/older" in told.message
    objects.drop(pipeline, older)
    assert policy(pipeline).body_limit == 2
    assert conditions(pipeline, kinds.TRAFFIC_POLICY, "a")["Accepted"].status == "True"


def test_a_target_that_goes_is_told_and_one_that_comes_is_found() -> None:
    pipeline = world(security("p", target("HTTPRoute", "late"), ipRestriction={"allow": ["10.0.0.0/8"]}))
    assert conditions(pipeline, kinds.SECURITY_POLICY, "p")["Accepted"].reason == "TargetNotFound"
    objects.put(pipeline, http_route("late", "late.test"))
    assert conditions(pipeline, kinds.SECURITY_POLICY, "p")["Accepted"].reason == "Accepted"
    assert (routes(pipeline, host="late.test")[0].policy or Policy()).networks is not None
    objects.drop(pipeline, http_route("late", "late.test"))
    assert conditions(pipeline, kinds.SECURITY_POLICY, "p")["Accepted"].reason == "TargetNotFound"


def test_of_what_others_serve_nothing_is_said() -> None:
    pipeline = world(
        made(kinds.GATEWAY, "theirs", gatewayClassName="other", listeners=[listener(port=9000)]),
        objects.ingress("old", objects.rule("old.test", objects.path("/")), class_name="other"),
        traffic("p", target("Gateway", "theirs"), target("Ingress", "old"), maxRequestBodySize=1),
    )
    assert conditions(pipeline, kinds.TRAFFIC_POLICY, "p") == {}


def test_one_that_protects_a_section_that_is_not_there_closes_all_of_it_until_it_is() -> None:
    pipeline = world(security("p", target("Gateway", "edge", "c"), ipRestriction={"allow": ["10.0.0.0/8"]}))
    assert all(isinstance(routes(pipeline, port)[0].action, Respond) for port in (8000, 9001))
    assert conditions(pipeline, kinds.SECURITY_POLICY, "p")["Accepted"].reason == "TargetNotFound"
    objects.put(pipeline, gateways.gateway(listener(port=8000), listener("b", 9001), listener("c", 8002)))
    assert [isinstance(routes(pipeline, port)[0].action, Respond) for port in (8000, 9001, 8002)] == [False] * 3
    assert policy(pipeline, 8002).networks is not None
    assert policy(pipeline).networks is None


def test_a_closed_service_is_closed_for_everybody_who_sends_there() -> None:
    pipeline = world(
        objects.slice_of("web", "10.0.0.1"),
        objects.ingress("old", objects.rule("old.test", objects.path("/"))),
        backend("p", target("Service", "web"), tls={"serverName": "web", "caCertificateRef": {"name": "roots"}}),
    )
    keys = [key for key in pipeline.backends.rows if key.service == "web"]
    assert keys
    assert all(not pipeline.endpoints.rows[key].endpoints for key in keys)
    told = conditions(pipeline, kinds.BACKEND_POLICY, "p")
    assert (told["Accepted"].status, told["ResolvedRefs"].reason) == ("True", "InvalidCACertificateRef")


def test_grpc_routes_have_policies_too() -> None:
    grpc = made(
        kinds.GRPC_ROUTE, "rpc", parentRefs=[{"name": "edge"}], hostnames=["rpc.test"],
        rules=[{"name": "calls", "backendRefs": [{"name": "web", "port": 80}]}],
    )  # fmt: skip
    pipeline = world(grpc, traffic("p", target("GRPCRoute", "rpc", "calls"), maxRequestBodySize=5))
    assert (routes(pipeline, host="rpc.test")[0].policy or Policy()).body_limit == 5


# ---------------------------------------------------------------- joining


def change(value: str) -> HeaderChanges:
    return HeaderChanges((HeaderChange(HeaderAction.SET, "x", literal(value)),))


def test_the_nearest_place_wins_field_by_field() -> None:
    near = {"body_limit": 0, "timeouts": Timeouts(idle=1.0), "response_headers": change("near"),
            "rewrite": Rewrite(host=literal("near"))}  # fmt: skip
    far = {"body_limit": 9, "timeouts": Timeouts(request=2.0, idle=2.0), "response_headers": change("far"),
           "rewrite": Rewrite(prefix="/p", host=literal("far")), "buffer_request": True}  # fmt: skip
    assert merging.merged([near.items(), far.items()]) == {
        "body_limit": 0,
        "timeouts": Timeouts(request=2.0, idle=1.0),
        "response_headers": HeaderChanges((*change("far").changes, *change("near").changes)),
        "rewrite": Rewrite(prefix="/p", host=literal("near")),
        "buffer_request": True,
    }


@pytest.mark.parametrize(
    ("quantity", "found"),
    [(5, 5), ("5", 5), ("1k", 1000), ("1Ki", 1024), ("1.5Mi", 1_572_864), ("2M", 2_000_000), ("1Gi", 1 << 30)],
)
def test_quantities_are_bytes(quantity: int | str, found: int) -> None:
    assert size(quantity) == found
