"""Canaries: which requests go to the backend of another Ingress with the same host and path."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site

NGINX = "nginx.ingress.kubernetes.io/"


def canary(site: Site, main: Echo, other: Echo, **annotations: str) -> None:
    """`echo-a` has the path, `echo-b` is its canary."""
    site.backend("web", main.port)
    site.backend("new", other.port)
    site.ingress(annotations={f"{NGINX}enable-cors": "true"})
    said = {NGINX + name.replace("_", "-"): value for name, value in {"canary": "true", **annotations}.items()}
    site.ingress("new:80", name="canary", annotations=said)


async def chosen(site: Site, count: int = 1, **options: Any) -> Counter[str]:
    return Counter([str((await site.answer("/", **options))["name"]) for _ in range(count)])


async def test_weight(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    canary(site, echo_a, echo_b, canary_weight="40")
    await site.gateway.settled()
    found = await chosen(site, 200)
    assert 40 <= found["echo-b"] <= 120


async def test_weight_of_a_total(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    canary(site, echo_a, echo_b, canary_weight="300", canary_weight_total="1000")
    await site.gateway.settled()
    found = await chosen(site, 300)
    assert 50 <= found["echo-b"] <= 140


async def test_all_and_nothing(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    canary(site, echo_a, echo_b, canary_weight="7", canary_weight_total="7")
    await site.gateway.settled()
    assert set(await chosen(site, 10)) == {"echo-b"}


async def test_header(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    canary(site, echo_a, echo_b, canary_by_header="x-canary", canary_weight="100")
    await site.gateway.settled()
    for value, name in (("always", "echo-b"), ("never", "echo-a"), ("other", "echo-b")):
        assert set(await chosen(site, 5, headers={"x-canary": value})) == {name}
    site.ingress("new:80", name="canary", annotations={
        f"{NGINX}canary": "true", f"{NGINX}canary-by-header": "x-canary", f"{NGINX}canary-by-header-value": "v2",
    })  # fmt: skip
    await site.gateway.settled()
    for value, name in (("v2", "echo-b"), ("always", "echo-a")):
        assert set(await chosen(site, 5, headers={"x-canary": value})) == {name}


async def test_header_pattern(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    canary(site, echo_a, echo_b, canary_by_header="x-region", canary_by_header_pattern="eu|us-[0-9]")
    await site.gateway.settled()
    for value, name in (("cn-eu-1", "echo-b"), ("us-1", "echo-b"), ("us-x", "echo-a")):
        assert set(await chosen(site, 3, headers={"x-region": value})) == {name}


async def test_cookie(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    """A header decides before a cookie, a cookie before the weight."""
    canary(site, echo_a, echo_b, canary_by_header="x-canary", canary_by_cookie="early", canary_weight="100")
    await site.gateway.settled()
    assert set(await chosen(site, 3, headers={"cookie": "a=b; early=never"})) == {"echo-a"}
    assert set(await chosen(site, 3, headers={"cookie": "early=never", "x-canary": "always"})) == {"echo-b"}


async def test_what_the_path_has_holds_for_its_canary(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    canary(site, echo_a, echo_b, canary_by_header="x-canary")
    await site.gateway.settled()
    reply = await site.get("/", headers={"x-canary": "always", "origin": "https://a.test"})
    assert reply.json()["name"] == "echo-b"
    assert reply.headers["access-control-allow-origin"] == "https://a.test"


async def test_everything_else_is_inherited_and_what_it_says_itself_is_told(
    site: Site, echo_a: Echo, echo_b: Echo
) -> None:
    """Also how the backend is reached and what protects the path; its own words do not count."""
    site.backend("web", echo_a.port)
    site.backend("new", echo_b.port)
    main = {"proxy-body-size": "10", "upstream-vhost": "inner.test", "backend-protocol": "GRPC"}
    site.ingress(annotations={NGINX + name: value for name, value in main.items()})
    own = {
        "canary": "true", "canary-by-header": "x-canary", "proxy-body-size": "1m", "upstream-vhost": "other.test",
        "permanent-redirect": "https://other.test", "app-root": "/app", "backend-protocol": "HTTP",
    }  # fmt: skip
    site.ingress("new:80", name="canary", annotations={NGINX + name: value for name, value in own.items()})
    await site.gateway.settled()
    for value, name in (("always", "echo-b"), ("never", "echo-a")):
        found = await site.answer("/", headers={"x-canary": value})
        assert (found["name"], found["http_version"], dict(found["headers"])["host"]) == (name, "2", "inner.test")
        reply = await site.gateway.request("POST", site.host, "/", headers={"x-canary": value}, content=b"x" * 11)
        assert reply.status_code == 413
    (told,) = [it for it in site.gateway.problems() if "CanaryInherits" in it and site.namespace in it]
    assert "proxy-body-size" in told
    assert "canary-by-header" not in told


async def test_a_canary_of_a_pattern_shares_its_rewriting(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    site.backend("web", echo_a.port)
    site.backend("new", echo_b.port)
    said = {f"{NGINX}rewrite-target": "/$1"}
    paths = ["/api/(.*)"]
    site.ingress([manifests.path(path, "web:80", "ImplementationSpecific") for path in paths], annotations=said)
    canaries = {**said, f"{NGINX}canary": "true", f"{NGINX}canary-by-cookie": "early"}
    site.ingress([manifests.path(path, "new:80", "ImplementationSpecific") for path in paths], name="canary",
                 annotations=canaries)  # fmt: skip
    await site.gateway.settled()
    for cookie, name in (("always", "echo-b"), ("never", "echo-a")):
        found = await site.answer("/api/x/y?z=1", headers={"cookie": f"early={cookie}"})
        assert (found["name"], found["path"], found["query"]) == (name, "/x/y", "z=1")


async def test_a_canary_alone_answers_nothing_and_is_told(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress([manifests.path("/", "web:80")], name="alone", annotations={f"{NGINX}canary": "true"})
    await site.gateway.settled()
    assert (await site.get()).status_code == 404
    assert [it for it in site.gateway.problems() if "CanaryWithoutMain" in it and site.namespace in it]
