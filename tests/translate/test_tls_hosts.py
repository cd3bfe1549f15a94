"""Hostnames with TLS on ports of Gateways: which share a filter chain, which are named, and what one more costs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from sealos_gateway.envoy import names
from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.model.gateway_listener import GatewayListener
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.meta import Ref, Resource
from sealos_gateway.settings import GatewayApiSettings, Settings
from sealos_gateway.translate.gateway_api import tls_options
from sealos_gateway.xds.planes import OWN, View
from tests import objects, pem
from tests.translate import gateways
from tests.translate.gateways import gateway, https, listener, listener_set
from tests.translate.test_routes import ALL, backend, calls, route, rule, to

OWN_PLANES = Settings(gateway_api=GatewayApiSettings(control="control.sealos.svc"))


def pipeline(*resources: Resource, settings: Settings = OWN_PLANES) -> Pipeline:
    return objects.pipeline(gateways.gateway_class(), gateways.secret(), *resources, settings=settings)


def port(made: Pipeline, place: str = "shop.edge/443") -> GatewayListener:
    return made.routes.listeners.rows[place]


def own(made: Pipeline, place: str = "shop.edge/443") -> list[str]:
    return [chain.hostname for chain in port(made, place).chains]


def secret(name: str) -> Resource:
    return objects.secret(name, *pem.pair(f"{name}.test"))


def served(made: Pipeline) -> dict[str, str]:
    """Server names with the Secrets that answer."""
    return {"/".join(name): pair.name for name, pair in made.served_pairs.rows.items()}


def test_whole_names_with_one_certificate_are_not_in_the_listener() -> None:
    made = pipeline(gateway(https("a", hostname="a.com"), https("b", hostname="B.com")))
    assert port(made) == GatewayListener("shop.edge/443", 443, shared=True)
    assert served(made) == {"shop.edge/a.com": "shop/cert", "shop.edge/b.com": "shop/cert"}
    assert not made.client_pairs.rows, "nobody asks by the name of the Secret"


def two_certificates(name: str, hostname: str) -> dict[str, Any]:
    return {**https(name, hostname=hostname), "tls": {"certificateRefs": [{"name": "cert"}, {"name": "rsa"}]}}


def test_what_needs_more_than_a_certificate_by_name_has_a_chain_of_its_own() -> None:
    rsa = objects.secret("rsa", *pem.pair("b.com", kind="rsa"))
    made = pipeline(
        rsa, gateway(https("a", hostname="a.com"), two_certificates("b", "b.com"), https("w", hostname="*.w.com"))
    )
    assert own(made) == ["*.w.com", "b.com"]
    assert (port(made).shared, port(made).listed, port(made).wide) == (True, (), True)
    assert set(served(made)) == {"shop.edge/a.com"}
    assert set(made.client_pairs.rows) == {Ref("shop", "cert"), Ref("shop", "rsa")}
    assert made._key_pairs.planes.rows[Ref("shop", "rsa")] == {"shop.edge"}


def test_versions_and_ciphers_are_those_of_a_chain_of_its_own() -> None:
    options = {tls_options.MIN_VERSION: "1.3", "example.com/odd": "1"}
    special = {**https("b", hostname="b.com"), "tls": {"certificateRefs": [{"name": "cert"}], "options": options}}
    ended = {"certificateRefs": [{"name": "cert"}], "options": {tls_options.MAX_VERSION: "TLSv1.2"}}
    made = pipeline(gateway(https("a", hostname="a.com"), special, listener("t", 9443, "TLS", tls=ended)))
    assert [(chain.hostname, chain.parameters) for chain in port(made).chains] == [
        ("b.com", ClientTls(min_version="1.3"))
    ]
    assert served(made) == {"shop.edge/a.com": "shop/cert"}
    (stream,) = port(made, "shop.edge/9443").streams
    assert stream.tls is not None
    assert stream.tls.parameters == ClientTls(max_version="1.2")


def test_client_certificates_are_asked_for_in_a_chain_of_their_own() -> None:
    authority = gateways.config_map("ca", {"ca.crt": pem.Authority("one").pem.decode()})
    frontend = {"default": {"validation": {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}}}
    made = pipeline(authority, gateway(https("a", hostname="a.com"), tls={"frontend": frontend}))
    assert (own(made), port(made).shared, served(made)) == (["a.com"], False, {})


def test_names_below_a_wildcard_are_listed_and_others_are_not() -> None:
    listeners = [https(str(number), hostname=name) for number, name in enumerate(("x.w.com", "a.com", "x.y.w.com"))]
    made = pipeline(gateway(*listeners, https("w", hostname="*.w.com")))
    assert port(made).listed == ("x.w.com", "x.y.w.com")
    objects.put(made, gateway(*listeners))
    assert port(made).listed == ()
    objects.put(made, gateway(*listeners, https("any")))
    assert port(made).listed == ("a.com", "x.w.com", "x.y.w.com")


def test_names_beside_streams_are_listed() -> None:
    raw = listener("raw", 443, "TLS", hostname="*.raw.com", tls={"mode": "Passthrough"})
    made = pipeline(gateway(https("a", hostname="a.com"), raw))
    assert port(made).listed == ("a.com",)
    assert [it.server_name for it in port(made).streams] == ["*.raw.com"]


def test_each_of_several_ports_lists_its_names_and_refuses_others() -> None:
    first, second = https("a", hostname="a.com"), https("b", 8443, hostname="b.com")
    made = pipeline(gateway(first, second))
    assert [(port(made, place).listed, port(made, place).closed) for place in ("shop.edge/443", "shop.edge/8443")] == [
        (("a.com",), True), (("b.com",), True),
    ]  # fmt: skip
    objects.put(made, gateway(first))
    assert (port(made).listed, port(made).closed) == ((), False)


def test_two_ports_with_other_certificates_for_a_name_have_chains_of_their_own() -> None:
    first = https("a", hostname="a.com")
    made = pipeline(secret("other"), gateway(first, https("b", 8443, "other", hostname="a.com")))
    assert (own(made), own(made, "shop.edge/8443"), served(made)) == (["a.com"], ["a.com"], {})
    objects.put(made, gateway(first, https("b", 8443, hostname="a.com")))
    assert (own(made), served(made)) == ([], {"shop.edge/a.com": "shop/cert"})


def test_shared_nodes_keep_server_names_for_ingresses() -> None:
    made = gateways.pipeline(gateway(https("a", 9443, hostname="a.com")), gateways.secret())
    assert (own(made, "/9443"), made.served_pairs.rows) == (["a.com"], {})


def test_a_data_plane_hears_of_its_own_names_only() -> None:
    other = gateway(https("a", secret="other", hostname="a.com"), https("o", hostname="o.com"), name="other")
    made = pipeline(gateway(https("a", hostname="a.com")), other, secret("other"))
    seen = {plane: sorted(View(made.snapshot, plane).names(names.SECRET)) for plane in ("shop.edge", "shop.other", OWN)}
    assert seen == {
        "shop.edge": ["served/shop.edge/a.com"],
        "shop.other": ["served/shop.other/a.com", "served/shop.other/o.com"],
        OWN: [],
    }
    bodies = {made.snapshot.row(names.SECRET, f"served/shop.{it}/a.com") for it in ("edge", "other")}
    assert len({row.body for row in bodies if row}) == 2


def test_a_certificate_that_is_gone_or_exchanged() -> None:
    made = pipeline(
        gateway(https("a", hostname="a.com"), https("b", hostname="b.com", secret="other")), secret("other")
    )
    assert set(served(made)) == {"shop.edge/a.com", "shop.edge/b.com"}
    assert not objects.put(made, objects.secret("other", b"bad", b"bad")), "one that has gone bad changes nothing"
    objects.drop(made, secret("other"))
    assert set(served(made)) == {"shop.edge/a.com"}
    objects.put(made, gateway(https("a", hostname="a.com", secret="third")), secret("third"))
    assert served(made) == {"shop.edge/a.com": "shop/third"}
    made.drop(kinds.GATEWAY, Ref("shop", "edge"))
    made.settle()
    assert served(made) == {}


def numbered(number: int) -> tuple[Resource, ...]:
    name = f"s{number}"
    parent = {"name": name, "kind": "ListenerSet"}
    rules = [rule("/", to("web"))]
    spec: dict[str, Any] = {"parentRefs": [parent], "hostnames": [f"h{number}.com"], "rules": rules}
    made = gateways.made(kinds.HTTP_ROUTE, name, **spec)
    return listener_set(https(hostname=f"h{number}.com"), name=name), made


def world(size: int) -> Pipeline:
    sets = (one for number in range(size) for one in numbered(number))
    first = gateway(https("first", hostname="first.com"), allowedListeners=ALL)
    return pipeline(first, *backend(), route("first", hosts=("first.com",)), *sets)


def changed(made: Pipeline, change: Callable[..., object], number: int) -> tuple[int, dict[str, int]]:
    """Rows computed, and resources marked, by type."""
    before, revision = sum(getattr(table, "computed", 0) for table in made.graph.tables), made.snapshot.revision
    change(made, *numbered(number))
    after = sum(getattr(table, "computed", 0) for table in made.graph.tables)
    marked = {names.SHORT[type_]: len(list(made.snapshot.since(type_, revision))) for type_ in names.ORDER}
    return after - before, {type_: found for type_, found in marked.items() if found}


@pytest.mark.timeout(60)
def test_a_hostname_that_comes_or_goes_costs_the_same_among_thousands_and_no_listener() -> None:
    found = []
    for size in (10, 1000):
        made = world(size)
        costs = [changed(made, change, size) for change in (objects.put, objects.drop)]
        # Once more, when everything has its place.
        called = [calls(partial(change, made, *numbered(size))) for change in (objects.put, objects.drop)]
        found.append((costs, called))
    (small, few), (large, many) = found
    assert small == large
    assert [marked for _, marked in large] == [{"secrets": 1, "scopes": 1, "routes": 1}] * 2
    assert all(more <= less * 1.05 for less, more in zip(few, many, strict=True)), found


@pytest.mark.timeout(60)
def test_the_certificate_of_a_gateway_is_shown_to_thousands_of_backends_at_the_price_of_one() -> None:
    """`pair_planes` is counted: a backend more looks at no other."""
    found = []
    for size in (10, 1000):
        spec: dict[str, Any] = {"tls": {"backend": {"clientCertificateRef": {"name": "cert"}}}}
        one = gateway(listener(), **spec)
        policies = [authority(), *(one_more for number in range(size) for one_more in verified(number))]
        made = pipeline(one, *policies)
        objects.put(made, *verified(size))
        assert made._key_pairs.planes.rows == {Ref("shop", "cert"): {"shop.edge"}}
        found.append(calls(partial(objects.drop, made, verified(size)[-1])))
    assert found[1] <= found[0] * 1.05, found


def authority() -> Resource:
    return gateways.config_map("ca", {"ca.crt": pem.Authority("one").pem.decode()})


def verified(number: int) -> tuple[Resource, ...]:
    """A Service that is spoken to by TLS, and the route to it."""
    name = f"b{number}"
    validation = {"hostname": f"{name}.test", "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}
    target = {"group": "", "kind": "Service", "name": name}
    policy = gateways.made(kinds.BACKEND_TLS_POLICY, name, targetRefs=[target], validation=validation)
    return (*backend(name), policy, route(name, rule("/", to(name)), hosts=(f"{name}.com",)))
