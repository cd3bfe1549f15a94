"""HTTPRoutes and GRPCRoutes: where they attach, who answers how, what their status says, and what a change costs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from sealos_gateway.model.template import literal
from sealos_gateway.model.traffic import Forward, Respond, Split, VirtualHost
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.core import ServicePort
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref, Resource
from sealos_gateway.settings import GatewayApiSettings, Settings
from tests import costs, objects
from tests.translate import gateways
from tests.translate.gateways import gateway, grant, listener, pipeline, words

ALL = {"namespaces": {"from": "All"}}


def route(
    name: str = "web",
    *rules: dict[str, Any],
    hosts: tuple[str, ...] = ("a.com",),
    in_: str = "shop",
    kind: Kind = kinds.HTTP_ROUTE,
    created: str = "",
    **parent: Any,
) -> Resource:
    reference = {"name": "edge", "namespace": "shop", **parent}
    return gateways.made(
        kind, name, in_, created, parentRefs=[reference], hostnames=list(hosts), rules=list(rules or (rule(),))
    )


def rule(path: str = "/", *backends: dict[str, Any], kind: str = "PathPrefix", **more: Any) -> dict[str, Any]:
    matches = [{"path": {"type": kind, "value": path}}]
    return {"matches": matches, "backendRefs": list(backends or (to("web"),)), **more}


def to(service: str, **more: Any) -> dict[str, Any]:
    return {"name": service, "port": 80, **more}


def backend(name: str = "web", in_: str = "shop") -> tuple[Resource, Resource]:
    return objects.service(name, namespace=in_), objects.slice_of(name, "10.0.0.1", namespace=in_)


def told(made: Pipeline, name: str = "web", in_: str = "shop", kind: str = "HTTPRoute") -> dict[str, str]:
    """The conditions for its one parent."""
    table = next(table for of, table in made.gateway_statuses.items() if of.name == kind)
    found = table.get(Ref(in_, name))
    assert found is not None
    (parent,) = found.parents
    return words(parent.conditions)


def hosts(made: Pipeline) -> dict[str, VirtualHost]:
    table = next(table for table in made.graph.tables if table.name == "gateway_hosts")
    return {key.host: row for key, row in table.rows.items()}


def answer(made: Pipeline, host: str = "a.com") -> dict[str, str]:
    """What each match of a host does, in order of precedence."""
    table: dict[str, str] = {}
    for one in hosts(made)[host].routes:
        match one.action:
            case Forward(backend):
                table[str(one.match)] = f"{backend.namespace}/{backend.service}"
            case Split(targets):
                named = [f"{it.backend.service if it.backend else 'nothing'} x{it.weight}" for it in targets]
                table[str(one.match)] = ", ".join(named)
            case Respond(status):
                table[str(one.match)] = str(status)
            case other:
                table[str(one.match)] = type(other).__name__.lower()
    return table


GOOD = {"Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs"}


def test_a_route_without_fault() -> None:
    made = pipeline(gateway(listener()), route(), *backend())
    assert told(made) == GOOD
    assert answer(made) == {"Prefix /": "shop/web"}


@pytest.mark.parametrize(
    ("listeners", "parent", "reason"),
    [
        ([listener()], {"section_name": "no"}, "NoMatchingParent"),
        ([listener()], {"port": 81}, "NoMatchingParent"),
        ([listener(hostname="b.com")], {}, "NoMatchingListenerHostname"),
        ([listener(allowedRoutes={"kinds": [{"kind": "GRPCRoute"}]})], {}, "NotAllowedByListeners"),
    ],
)
def test_a_route_that_no_listener_takes_is_told_why_and_served_nowhere(
    listeners: list[dict[str, Any]], parent: dict[str, Any], reason: str
) -> None:
    renamed = {"sectionName" if name == "section_name" else name: value for name, value in parent.items()}
    made = pipeline(gateway(*listeners), route(**renamed), *backend())
    assert told(made)["Accepted"] == f"False {reason}"
    assert "a.com" not in hosts(made)


@pytest.mark.parametrize(
    ("listeners", "why"),
    [
        ([listener("a"), listener("b")], "port 80: another listener has the same hostname"),
        ([listener("a"), listener("b", protocol="TCP")], "port 80: another listener has a protocol that cannot share"),
        ([listener("a", filters={"requests": [{"type": "ExtensionRef"}]})], "a filter of type 'ExtensionRef'"),
    ],
)
def test_a_route_whose_listeners_are_all_refused_is_not_accepted_and_not_counted(
    listeners: list[dict[str, Any]], why: str
) -> None:
    made = pipeline(gateway(*listeners, listener("good", 81)), route(port=80), *backend())
    assert told(made)["Accepted"] == "False NoReadyListeners"
    (problem,) = [it for it in made.problems() if it.origin.kind == "HTTPRoute"]
    assert "listener a of Gateway edge is not accepted" in problem.message
    assert why in problem.message
    assert {it.name: it.attached_routes for it in gateways.status(made).listeners}["a"] == 0
    # With a listener that serves it the route is accepted, and then those that are refused count it, too.
    objects.put(made, route())
    assert told(made) == GOOD
    assert {it.attached_routes for it in gateways.status(made).listeners if it.name != "b"} == {1}


def test_a_listener_that_waits_for_its_certificate_takes_routes() -> None:
    """`ListenerStatus.attachedRoutes`: the status of a listener has no say in it as long as it is accepted."""
    made = pipeline(gateway(gateways.https()), route(), *backend())
    assert told(made) == GOOD
    assert [it.attached_routes for it in gateways.status(made).listeners] == [1]


def test_a_route_of_which_no_rule_can_be_honoured_is_not_counted() -> None:
    odd = [{"type": "ExtensionRef", "extensionRef": {"group": "g", "kind": "K", "name": "n"}}]
    made = pipeline(gateway(listener()), route("web", rule("/", filters=odd)), *backend())
    assert told(made) == {"Accepted": "False UnsupportedValue", "ResolvedRefs": "True ResolvedRefs"}
    assert answer(made) == {"Prefix /": "500"}
    assert [it.attached_routes for it in gateways.status(made).listeners] == [0]
    objects.put(made, route("web", rule("/", filters=odd), rule("/good")))
    assert told(made)["Accepted"] == "True Accepted"
    assert told(made)["PartiallyInvalid"] == "True UnsupportedValue"
    assert [it.attached_routes for it in gateways.status(made).listeners] == [1]
    (problem,) = [it for it in made.problems() if it.origin.kind == "HTTPRoute"]
    assert problem.message.startswith("Dropped Rule"), "the words that the specification asks for"


def test_a_redirect_and_a_rewrite_in_one_rule_exclude_each_other() -> None:
    both = [own("RequestRedirect", hostname="b.com"), own("URLRewrite", hostname="c.com")]
    made = pipeline(gateway(listener()), route("web", rule("/", filters=both)), *backend())
    assert told(made)["Accepted"] == "False IncompatibleFilters"
    assert answer(made) == {"Prefix /": "500"}


@pytest.mark.parametrize(
    ("protocol", "kind", "good"),
    [
        ("kubernetes.io/ws", kinds.HTTP_ROUTE, True),
        ("kubernetes.io/ws", kinds.GRPC_ROUTE, False),
        ("kubernetes.io/h2c", kinds.GRPC_ROUTE, True),
        ("kubernetes.io/moon", kinds.HTTP_ROUTE, False),
        ("example.com/moon", kinds.HTTP_ROUTE, True),
        ("mysql", kinds.HTTP_ROUTE, True),
    ],
)
def test_an_application_protocol_that_a_kind_of_route_cannot_be_sent_by(protocol: str, kind: Kind, good: bool) -> None:
    service = objects.service("web", ServicePort(80, "http", app_protocol=protocol))
    rules = {"backendRefs": [to("web")]}
    made = pipeline(gateway(listener()), route("web", rules, kind=kind), service, objects.slice_of("web", "10.0.0.1"))
    wanted = "True ResolvedRefs" if good else "False UnsupportedProtocol"
    assert told(made, kind=kind.name)["ResolvedRefs"] == wanted


def test_a_route_of_another_namespace_needs_a_listener_that_allows_it() -> None:
    elsewhere = (route(in_="other"), *backend(in_="other"))
    assert told(pipeline(gateway(listener()), *elsewhere), in_="other")["Accepted"] == "False NotAllowedByListeners"
    made = pipeline(gateway(listener(allowedRoutes=ALL)), *elsewhere)
    assert told(made, in_="other") == GOOD
    assert answer(made) == {"Prefix /": "other/web"}


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (to("absent"), "BackendNotFound"),
        ({"name": "web"}, "UnsupportedValue"),
        (to("web", kind="Pond", group="example.com"), "InvalidKind"),
        (to("web", namespace="other"), "RefNotPermitted"),
    ],
)
def test_a_backend_that_cannot_be_had_is_told_and_answers_500(target: dict[str, Any], reason: str) -> None:
    made = pipeline(gateway(listener()), route("web", rule("/", target), rule("/good")), *backend())
    assert told(made) == {"Accepted": "True Accepted", "ResolvedRefs": f"False {reason}"}
    assert answer(made) == {"Prefix /good": "shop/web", "Prefix /": "500"}


def test_a_backend_of_another_namespace_that_grants_it() -> None:
    wanted = route("web", rule("/", to("web", namespace="other")))
    made = pipeline(gateway(listener()), wanted, *backend(in_="other"))
    assert answer(made) == {"Prefix /": "500"}
    objects.put(made, grant("other", "HTTPRoute", "Service"))
    assert (answer(made), told(made)) == ({"Prefix /": "other/web"}, GOOD)
    objects.drop(made, grant("other", "HTTPRoute", "Service"))
    assert answer(made) == {"Prefix /": "500"}


def test_shares_by_weight_keep_the_share_of_what_does_not_exist() -> None:
    targets = (to("web", weight=3), to("absent", weight=1), to("api", weight=0))
    made = pipeline(gateway(listener()), route("web", rule("/", *targets)), *backend(), *backend("api"))
    assert answer(made) == {"Prefix /": "web x3, nothing x1"}


def test_a_rule_with_an_expression_that_cannot_be_read_is_left_to_others_and_told() -> None:
    bad = rule("/(?=x)", kind="RegularExpression")
    made = pipeline(gateway(listener()), route("web", bad, rule("/good")), *backend())
    assert told(made)["PartiallyInvalid"] == "True UnsupportedValue"
    assert answer(made)["Prefix /good"] == "shop/web"
    alone = pipeline(gateway(listener()), route("web", bad), *backend())
    assert told(alone)["Accepted"] == "False UnsupportedValue"


def test_precedence_is_exact_then_longest_then_oldest_then_name() -> None:
    made = pipeline(
        gateway(listener()),
        route("young", rule("/a", to("web")), rule("/b", to("web")), created="2025-02-01T00:00:00Z"),
        route("old", rule("/a", to("api")), created="2025-01-01T00:00:00Z"),
        route("z", rule("/a", to("web"), kind="Exact"), rule("/a/long", to("web"))),
        *backend(),
        *backend("api"),
    )
    assert answer(made) == {
        "Exact /a": "shop/web",
        "Prefix /a/long": "shop/web",
        "Prefix /a": "shop/api",
        "Prefix /b": "shop/web",
    }


def test_only_the_most_specific_listener_of_a_port_answers_a_host() -> None:
    wide, narrow = listener("wide"), listener("narrow", hostname="*.a.com")
    made = pipeline(
        gateway(wide, narrow),
        route("wide", rule("/w"), hosts=(), sectionName="wide"),
        route("narrow", rule("/n"), hosts=("x.a.com",), sectionName="narrow"),
        *backend(),
    )
    assert answer(made, "*") == {"Prefix /w": "shop/web"}
    assert answer(made, "x.a.com") == {"Prefix /n": "shop/web"}
    assert answer(made, "*.a.com") == {}


def test_methods_of_grpc_become_paths() -> None:
    by_method = {"matches": [{"method": {"service": "a.B", "method": "C"}}], "backendRefs": [to("web")]}
    by_service = {"matches": [{"method": {"service": "a.B"}}], "backendRefs": [to("web")]}
    made = pipeline(gateway(listener()), route("g", by_method, by_service, kind=kinds.GRPC_ROUTE), *backend())
    assert told(made, "g", kind="GRPCRoute") == GOOD
    assert set(answer(made)) == {"Exact /a.B/C", "Prefix /a.B"}


# What a change costs

SIZES = (50, 1_000)


def everything(size: int) -> Iterator[Resource]:
    yield gateway_class_and_gateway()
    for number in range(size):
        yield numbered(number)
        yield from backend(f"s{number}")


def gateway_class_and_gateway() -> Resource:
    return gateway(listener(port=8080))


def numbered(number: int, path: str = "/", host: str = "") -> Resource:
    return route(f"r{number}", rule(path, to(f"s{number}")), hosts=(host or f"h{number}.com",))


CHANGES: list[tuple[str, Callable[[Pipeline], object], dict[str, int]]] = [
    ("path edited", lambda p: objects.put(p, numbered(7, "/b")), {"routes": 1}),
    ("path edited back", lambda p: objects.put(p, numbered(7)), {"routes": 1}),
    ("host moved", lambda p: objects.put(p, numbered(7, host="moved.com")), {"scopes": 2, "routes": 2}),
    ("host moved back", lambda p: objects.put(p, numbered(7)), {"scopes": 2, "routes": 2}),
    ("pod added", lambda p: objects.put(p, objects.slice_of("s7", "10.0.0.1", "10.0.0.2")), {"endpoints": 1}),
    (
        "route deleted",
        lambda p: objects.drop(p, numbered(7)),
        {"scopes": 1, "routes": 1, "clusters": 1, "endpoints": 1},
    ),
    ("route back", lambda p: objects.put(p, numbered(7)), {"scopes": 1, "routes": 1, "clusters": 1, "endpoints": 1}),
    ("nothing really", lambda p: objects.put(p, numbered(7)), {}),
]


@pytest.mark.timeout(30)
def test_what_a_changed_route_costs_does_not_depend_on_the_number_of_routes() -> None:
    costs.alike([pipeline(*everything(size)) for size in SIZES], CHANGES, most=16)


def calls(change: Callable[[], object]) -> int:
    """How many functions are called, ours and others."""
    found = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        change()
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.timeout(30)
def test_one_route_more_on_a_service_and_a_listener_of_thousands_calls_nothing_more() -> None:
    def of_one_service(number: int) -> Resource:
        return route(f"r{number}", rule("/", to("web")), rule("/x", to("absent")), hosts=(f"h{number}.com",))

    found = []
    for size in (100, 2000):
        plane = Settings(gateway_api=GatewayApiSettings(control="control.sealos.svc"))
        many = (of_one_service(number) for number in range(size))
        made = objects.pipeline(
            gateways.gateway_class(), gateway(listener()), *backend(), *many, settings=plane
        )  # on a data plane of the Gateway's own
        for change in (objects.put, objects.drop, objects.put):  # the first time more is made
            cost = calls(partial(change, made, of_one_service(size)))
        found.append(cost)
    assert found[1] <= found[0] * 1.05, found


def test_what_is_wrong_is_a_problem_of_the_object_too() -> None:
    made = pipeline(gateway(listener()), route("web", rule("/", to("absent"))), route("lost", sectionName="no"))
    found = [(str(it.origin), it.field, it.reason) for it in made.problems()]
    assert found == [
        ("HTTPRoute shop/lost", "spec.parentRefs[edge/no]", "BackendNotFound"),
        ("HTTPRoute shop/lost", "spec.parentRefs[edge/no]", "NoMatchingParent"),
        ("HTTPRoute shop/web", "spec.parentRefs[edge]", "BackendNotFound"),
    ]
    objects.drop(made, route("lost"))
    objects.put(made, *backend("absent"))
    assert made.problems() == []


def connections(made: Pipeline) -> dict[str, str]:
    """Of each host the hostname by whose connections it is reached; empty: by all."""
    return {name: row.connections for name, row in hosts(made).items()}


def test_hosts_of_several_listeners_with_tls_are_for_their_own_connections() -> None:
    wide, own = gateways.https("wide", hostname="*.a.com"), gateways.https("own", hostname="b.com")
    routes = [route("w", hosts=("x.a.com", "b.com"))]
    made = pipeline(gateway(wide), gateways.secret(), *backend(), *routes)
    assert connections(made) == {"*.a.com": "", "x.a.com": ""}
    objects.put(made, gateway(wide, own))
    assert connections(made) == {"*.a.com": "*.a.com", "x.a.com": "*.a.com", "b.com": "b.com"}
    objects.put(made, gateway(own))
    assert connections(made) == {"b.com": ""}


def test_listeners_without_tls_have_no_connections_of_their_own() -> None:
    both = gateway(listener("a", hostname="a.com"), listener("b", hostname="b.com"))
    assert set(connections(pipeline(both, *backend(), route())).values()) == {""}


def test_a_hostname_more_with_tls_wakes_no_host_of_the_others() -> None:
    ten = [gateways.https(f"l{number}", hostname=f"h{number}.com") for number in range(10)]
    made = pipeline(gateway(*ten, allowedListeners=ALL), gateways.secret(), *backend())
    before = made.routes.hosts.computed
    objects.put(made, gateways.listener_set(gateways.https(hostname="new.com")))
    assert "new.com" in hosts(made)
    assert made.routes.hosts.computed - before == 1, "its own"


def own(kind: str, **settings: Any) -> dict[str, Any]:
    """A filter, as its type and the field that is named after it have it."""
    field = {"URLRewrite": "urlRewrite"}.get(kind, kind[0].lower() + kind[1:])
    return {"type": kind, field: settings}


def shares(made: Pipeline) -> list[tuple[int, str, set[str]]]:
    """Share in a million (0 is the rest), action, and what of rewriting and copies its policy has, in order."""
    return [
        (
            it.match.conditions.share,
            type(it.action).__name__,
            {name for name in ("rewrite", "mirrors") if it.policy and getattr(it.policy, name)},
        )
        for it in hosts(made)["a.com"].routes
    ]


def test_backends_with_filters_of_their_own_get_their_share_by_an_answer_of_their_own() -> None:
    rewrite = own("URLRewrite", hostname="b.internal", path={"type": "ReplaceFullPath", "replaceFullPath": "/b"})
    redirect = own("RequestRedirect", scheme="https", statusCode=301)
    copied = own("RequestMirror", backendRef=to("c"))
    header = own("RequestHeaderModifier", set=[{"name": "x-b", "value": "1"}])
    targets = (
        to("a", weight=5), to("b", weight=2, filters=[rewrite, header]), to("c", weight=1, filters=[redirect]),
        to("absent", weight=1), to("a", weight=1, filters=[copied]),
    )  # fmt: skip
    backends = [one for name in "abc" for one in backend(name)]
    made = pipeline(gateway(listener()), route("web", rule("/", *targets)), *backends)
    assert shares(made) == [
        (200_000, "Split", {"rewrite"}), (300_000, "Redirect", set()), (400_000, "Forward", {"mirrors"}),
        (500_000, "Respond", set()), (0, "Forward", set()),
    ]  # fmt: skip
    assert told(made)["Accepted"] == "True Accepted"


def test_filters_of_a_backend_come_on_top_of_those_of_its_rule() -> None:
    rewrite, other = (own("URLRewrite", hostname=name) for name in ("rule.internal", "backend.internal"))
    copies = [own("RequestMirror", backendRef=to("a"))]
    targets = (to("a", filters=[other, *copies]), to("b"))
    backends = [one for name in "ab" for one in backend(name)]
    made = pipeline(gateway(listener()), route("web", rule("/", *targets, filters=[rewrite, *copies])), *backends)
    first, rest = hosts(made)["a.com"].routes
    policies = [it.policy for it in (first, rest) if it.policy is not None]
    assert [it.rewrite.host for it in policies if it.rewrite] == [literal("backend.internal"), literal("rule.internal")]
    assert [len(it.mirrors) for it in policies] == [2, 1]


def test_the_only_backend_has_all_requests_and_large_weights_do_not_decide_the_draw() -> None:
    rewrite = own("URLRewrite", hostname="b.internal")
    backends = [one for name in "abc" for one in backend(name)]
    made = pipeline(gateway(listener()), route("web", rule("/", to("a", weight=3, filters=[rewrite]))), *backends)
    assert shares(made) == [(0, "Forward", {"rewrite"})]
    targets = to("a", weight=1_000_000, filters=[rewrite]), to("b", weight=500_000), to("c", weight=500_000)
    made = pipeline(gateway(listener()), route("web", rule("/", *targets)), *backends)
    last = hosts(made)["a.com"].routes[-1].action
    assert isinstance(last, Split)
    assert [it.weight for it in last.targets] == [1, 1]


@pytest.mark.parametrize("name", ["localhost", "not a name"])
def test_an_external_name_that_nothing_is_sent_to_is_told(name: str) -> None:
    """Also where the backend would be shut anyway: the status must not say that all is well."""
    rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
    route = gateways.made(kinds.HTTP_ROUTE, "web", parentRefs=[{"name": "edge"}], rules=rules)
    made = pipeline(gateway(listener()), objects.external("web", name, ServicePort(80)), route)
    assert told(made)["ResolvedRefs"] == "False UnsupportedValue"
