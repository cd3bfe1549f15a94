"""What only Higress has words for."""

from __future__ import annotations

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site

HIGRESS = "higress.io/"


def said(**annotations: str) -> dict[str, str]:
    return {HIGRESS + name.replace("_", "-"): value for name, value in annotations.items()}


async def test_headers(site: Site, echo_a: Echo) -> None:
    """As Sealos' own charts have it: one header of the backend removed, others set; and the same for requests."""
    site.backend("web", echo_a.port)
    policy = "default-src 'self' 100%; frame-ancestors https://*.example.com"
    site.ingress(annotations=said(
        response_header_control_remove="X-Frame-Options",
        response_header_control_update=f'Content-Security-Policy "{policy}"\nX-Xss-Protection 1; mode=block',
        request_header_control_add="x-added one\nx-added two",
        request_header_control_remove="x-gone",
        request_header_control_update="x-set three",
    ))  # fmt: skip
    await site.gateway.settled()
    reply = await site.get("/?header=x-frame-options:DENY", headers={"x-gone": "1", "x-set": "old"})
    assert "x-frame-options" not in reply.headers
    assert reply.headers["content-security-policy"] == policy
    assert reply.headers["x-xss-protection"] == "1; mode=block"
    seen = {(name, value) for name, value in reply.json()["headers"] if name in ("x-added", "x-gone", "x-set")}
    assert seen == {("x-added", "one"), ("x-added", "two"), ("x-set", "three")}


async def test_conditions(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    """As httpgate of Sealos splits a wildcard host: by the beginning of the host, and by content type."""
    site.backend("web", echo_a.port)
    site.backend("dev", echo_b.port)
    wild = f"*.{site.host}"
    site.ingress("web:80", host=wild)
    site.ingress("dev:80", name="dev", host=wild, annotations=said(prefix_match_header_host="devbox-"))
    site.ingress([manifests.path("/m", "dev:80")], name="m", annotations=said(
        match_method="POST", exact_match_query_v="2", regex_match_header_x_user="u[0-9]+",
        exact_match_pseudo_header_method="POST",
    ))  # fmt: skip
    await site.gateway.settled()
    assert (await site.answer(host=f"devbox-1.{site.host}"))["name"] == "echo-b"
    assert (await site.answer(host=f"app.{site.host}"))["name"] == "echo-a"

    async def status(method: str, path: str, user: str) -> int:
        return (await site.gateway.request(method, site.host, path, headers={"x-user": user})).status_code

    assert await status("POST", "/m?v=2", "u7") == 200
    for method, path, user in (("GET", "/m?v=2", "u7"), ("POST", "/m?v=3", "u7"), ("POST", "/m?v=2", "x")):
        assert await status(method, path, user) == 404


async def test_paths(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress([manifests.path("/Old", "web:80")], annotations=said(ignore_path_case="true", rewrite_path="/new"))
    site.ingress([manifests.path("/v[12]", "web:80")], name="full", annotations=said(full_path_regex="true"))
    await site.gateway.settled()
    assert (await site.answer("/oLD/x"))["path"] == "/new/x"
    assert (await site.get("/v1")).status_code == 200
    assert (await site.get("/v1/x")).status_code == 404


async def test_a_destination_answers_instead_of_the_backend(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    """As the console of Higress writes an Ingress: its backend is a resource that nobody else knows."""
    site.backend("web", echo_a.port)
    site.backend("dev", echo_b.port)
    place = f".{site.namespace}.svc.cluster.local:80"
    resource = {"apiGroup": "networking.higress.io", "kind": "McpBridge", "name": "default"}
    path = {"path": "/", "pathType": "Prefix", "backend": {"resource": resource}}
    for name, destination in (("one", f"dev{place}"), ("two", f"30% web{place}\n70% dev{place}"), ("none", "x.nacos")):
        site.ingress([path], name=name, host=f"{name}.{site.host}", annotations=said(destination=destination))
    await site.gateway.settled()
    assert (await site.answer(host=f"one.{site.host}"))["name"] == "echo-b"
    names = [(await site.answer(host=f"two.{site.host}"))["name"] for _ in range(60)]
    assert 5 <= names.count("echo-a") <= 35
    assert (await site.get(host=f"none.{site.host}")).status_code == 503
