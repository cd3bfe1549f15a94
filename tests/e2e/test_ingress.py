"""Ingress v1: hosts, paths, default backends, the union of several, classes and owners."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.harness import eventually


@pytest.fixture
def two(site: Site, echo_a: Echo, echo_b: Echo) -> Site:
    """A site with the Services `a` and `b`."""
    site.backend("a", echo_a.port)
    site.backend("b", echo_b.port)
    return site


async def who(site: Site, path: str = "/", **options: Any) -> str:
    """The name of the backend that answers, else the status."""
    reply = await site.get(path, **options)
    return str(reply.json()["name"]) if reply.status_code == 200 else str(reply.status_code)


async def test_an_exact_host_wins_over_the_wildcard_beside_it(two: Site) -> None:
    two.ingress("a:80", name="exact", host=f"one.{two.host}")
    two.ingress("b:80", name="wild", host=f"*.{two.host}")
    await two.gateway.settled()
    for _ in range(3):
        assert await who(two, host=f"one.{two.host}") == "echo-a"
        assert await who(two, host=f"two.{two.host}") == "echo-b"
        assert await who(two, host=f"a.b.{two.host}") == "404"
        assert await who(two, host=two.host) == "404"


async def test_a_path_that_the_exact_host_has_not_is_404_and_not_the_wildcards(two: Site) -> None:
    two.ingress([manifests.path("/a", "a:80")], name="exact", host=f"one.{two.host}")
    two.ingress("b:80", name="wild", host=f"*.{two.host}")
    await two.gateway.settled()
    assert await who(two, "/a", host=f"one.{two.host}") == "echo-a"
    assert await who(two, "/b", host=f"one.{two.host}") == "404"


async def test_an_exact_host_takes_over_from_the_wildcard_and_gives_back(two: Site) -> None:
    two.ingress("b:80", name="wild", host=f"*.{two.host}")
    await two.gateway.settled()
    assert await who(two, host=f"one.{two.host}") == "echo-b"
    exact = two.ingress("a:80", name="exact", host=f"one.{two.host}")
    await two.gateway.settled()
    assert await who(two, host=f"one.{two.host}") == "echo-a"
    two.delete(exact)

    async def back() -> None:
        assert await who(two, host=f"one.{two.host}") == "echo-b"

    await eventually(back)


async def test_a_rule_without_host_and_an_ingress_without_rules_answer_any_other_host(
    new_gateway: NewGateway, echo_a: Echo, echo_b: Echo
) -> None:
    site = Site(new_gateway().start())
    site.backend("a", echo_a.port)
    site.backend("b", echo_b.port)
    site.ingress([manifests.path("/any", "a:80")], name="any", host="")
    site.apply(manifests.ingress("default", site.namespace, default="b:80"))
    site.ingress([manifests.path("/own", "a:80")], name="own")
    await site.gateway.settled()
    assert await who(site, "/any", host="who.knows.test") == "echo-a"
    assert await who(site, "/other", host="who.knows.test") == "echo-b"
    assert await who(site, "/own") == "echo-a"
    assert await who(site, "/other") == "404"  # a host that is named by a rule never falls through to the default
    assert await who(site, "/", host="127.0.0.1") == "echo-b"


async def test_path_kinds(two: Site) -> None:
    two.ingress(
        [
            manifests.path("/exact", "a:80", "Exact"),
            manifests.path("/prefix", "a:80"),
            manifests.path("/slash/", "a:80"),
            manifests.path("/impl", "a:80", "ImplementationSpecific"),
        ]
    )
    await two.gateway.settled()
    found = {}
    for path in (
        "/exact", "/exact/", "/exact/x", "/exact?q=1", "/prefix", "/prefix/", "/prefix/x", "/prefixx", "/Prefix",
        "/slash", "/slash/", "/slash/x", "/impl/x", "/implx", "/",
    ):  # fmt: skip
        found[path] = await who(two, path)
    yes = {"/exact", "/exact?q=1", "/prefix", "/prefix/", "/prefix/x", "/slash", "/slash/", "/slash/x", "/impl/x"}
    assert found == {path: "echo-a" if path in yes else "404" for path in found}


async def test_the_longest_path_wins_and_exact_before_prefix(two: Site) -> None:
    two.ingress(
        [
            manifests.path("/", "a:80"),
            manifests.path("/foo", "a:80"),
            manifests.path("/foo/bar", "b:80"),
            manifests.path("/foo/bar/baz", "a:80"),
            manifests.path("/foo/bar/baz", "b:80", "Exact"),
        ]
    )
    await two.gateway.settled()
    assert [await who(two, path) for path in ("/x", "/foo", "/foo/barx")] == ["echo-a"] * 3
    assert await who(two, "/foo/bar/q") == "echo-b"
    assert await who(two, "/foo/bar/baz/q") == "echo-a"
    assert await who(two, "/foo/bar/baz") == "echo-b"


async def test_a_default_backend_answers_what_no_path_of_its_hosts_does(two: Site) -> None:
    two.ingress([manifests.path("/a", "a:80")], default="b:80")
    await two.gateway.settled()
    assert await who(two, "/a") == "echo-a"
    assert await who(two, "/elsewhere") == "echo-b"
    assert await who(two, host=f"not-{two.host}") == "404"


async def test_several_ingresses_of_a_host_are_a_union_and_the_older_wins_a_tie(two: Site) -> None:
    two.ingress(
        [manifests.path("/one", "a:80"), manifests.path("/both", "a:80")], name="z-old", created="2020-01-01T00:00:00Z"
    )
    young = two.ingress(
        [manifests.path("/two", "b:80"), manifests.path("/both", "b:80")], name="a-new", created="2022-01-01T00:00:00Z"
    )
    await two.gateway.settled()
    assert [await who(two, path) for path in ("/one", "/two", "/both")] == ["echo-a", "echo-b", "echo-a"]

    def told() -> list[str]:
        return [it for it in two.gateway.problems() if f"{two.namespace}/a-new" in it and "PathConflict" in it]

    assert f"{two.namespace}/z-old" in (await eventually(told))[0]
    two.delete(young)

    async def gone() -> None:
        assert await who(two, "/two") == "404"
        assert not told()

    await eventually(gone)
    assert await who(two, "/one") == "echo-a"


@pytest.mark.parametrize("by_annotation", [False, True], ids=["field", "annotation"])
async def test_a_flipped_class_takes_the_routes_away_and_back_at_once(two: Site, by_annotation: bool) -> None:
    def put(name: str) -> None:
        how: dict[str, Any] = {"class_name": name}
        if by_annotation:
            how = {"class_name": None, "annotations": {"kubernetes.io/ingress.class": name}}
        two.ingress("a:80", **how)

    async def becomes(what: str) -> None:
        async def check() -> None:
            assert await who(two) == what

        await eventually(check, 2)

    put("sealos")
    await becomes("echo-a")
    for _ in range(3):
        put("pause")
        await becomes("404")
        put("sealos")
        await becomes("echo-a")


async def test_a_class_of_our_controller_is_ours(two: Site) -> None:
    name = f"class-{two.number}"
    two.ingress("a:80", class_name=name)
    await two.gateway.settled()
    assert await who(two) == "404"
    two.apply(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": name},
            "spec": {"controller": "sealos.io/gateway-controller"},
        }
    )

    async def served() -> None:
        assert await who(two) == "echo-a"

    await eventually(served)


async def test_further_class_names_by_option(new_gateway: NewGateway, echo_a: Echo) -> None:
    site = Site(new_gateway(args=["--ingress-class", "nginx", "--ingress-class", "sealos"]).start())
    site.backend("a", echo_a.port)
    site.ingress("a:80", class_name="nginx")

    async def served() -> None:
        assert await who(site) == "echo-a"

    await eventually(served)


async def test_host_ownership(new_gateway: NewGateway, echo_a: Echo, echo_b: Echo) -> None:
    """With `first-namespace` the later namespace is refused and told; by default both are served."""
    gateway = new_gateway(settings={"ingress": {"host_ownership": "first-namespace"}}).start()
    old, new = Site(gateway), Site(gateway)
    old.backend("a", echo_a.port)
    new.backend("b", echo_b.port)
    old.ingress([manifests.path("/old", "a:80")], created="2020-01-01T00:00:00Z")
    new.ingress([manifests.path("/new", "b:80")], host=old.host, created="2022-01-01T00:00:00Z")
    await gateway.settled()
    assert await who(old, "/old") == "echo-a"
    assert await who(old, "/new") == "404"
    assert any("HostOwned" in it and f"{new.namespace}/web" in it for it in gateway.problems())


async def test_two_namespaces_share_a_host_by_default(two: Site, echo_b: Echo) -> None:
    other = Site(two.gateway)
    other.backend("b", echo_b.port)
    two.ingress([manifests.path("/one", "a:80")])
    other.ingress([manifests.path("/two", "b:80")], host=two.host)
    await two.gateway.settled()
    assert [await who(two, path) for path in ("/one", "/two")] == ["echo-a", "echo-b"]
    other.clean()
