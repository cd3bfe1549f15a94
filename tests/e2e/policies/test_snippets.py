"""Snippets on a whole gateway: what stands in an annotation is what a client sees."""

from __future__ import annotations

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway, Site

NGINX = "nginx.ingress.kubernetes.io/"
STATIC = r'if ($request_uri ~* \.(js|css|gif|jpe?g|png)) { expires 30d; add_header Cache-Control "public"; }'
CSP = """
more_clear_headers "X-Frame-Options:";
more_set_headers "Content-Security-Policy: default-src 'self'; img-src * data: %REQ(cookie)%";
more_set_headers "X-Xss-Protection: 1; mode=block";
"""


async def test_what_sealos_writes(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress(annotations={f"{NGINX}configuration-snippet": CSP + STATIC, f"{NGINX}server-snippet": "gzip off;"})
    await site.gateway.settled()
    async with site.gateway.client() as client:
        found = await client.get("/a.js?header=X-Frame-Options:DENY", headers={"Host": site.host, "cookie": "secret"})
        assert found.headers["cache-control"].replace(" ", "") == "max-age=2592000,public"
        assert found.headers["content-security-policy"] == "default-src 'self'; img-src * data: %REQ(cookie)%"
        assert found.headers["x-xss-protection"] == "1; mode=block"
        assert "x-frame-options" not in found.headers
        found = await client.get("/a.js?status=404", headers={"Host": site.host})
        assert (found.status_code, "cache-control" in found.headers) == (404, False)
        assert "content-security-policy" in found.headers
        found = await client.get("/page", headers={"Host": site.host})
        assert "cache-control" not in found.headers


async def test_a_broken_one_is_told_with_line_and_column_and_harms_nothing(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress(annotations={f"{NGINX}configuration-snippet": STATIC[:-1]})
    await site.gateway.settled()
    assert (await site.get("/a.js")).status_code == 200
    said = site.gateway.status("/problems").text
    assert "configuration-snippet" in said
    assert "line 1, column 47: the block that opens here does not end" in said


async def test_a_broken_one_that_protects_closes_its_routes(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress(annotations={f"{NGINX}configuration-snippet": "allow 127.0.0.1; deny all; frobnicate;"})
    await site.gateway.settled()
    found = await site.get("/")
    assert (found.status_code, found.text.startswith("refused")) == (503, True)


async def test_off_in_namespaces_that_the_setting_leaves_out(new_gateway: NewGateway, echo_a: Echo) -> None:
    settings = {"ingress": {"snippet_namespaces": ["trusted"]}}
    with new_gateway(settings=settings) as gateway:
        answers = {}
        for namespace in ("trusted", "tenant"):
            host = f"{namespace}.example.com"
            said = {f"{NGINX}configuration-snippet": "add_header X-Snippet 1;"}
            gateway.apply(
                manifests.service("web", namespace, manifests.port()),
                manifests.endpoint_slice("web", namespace, ["127.0.0.1"], {"http": echo_a.port}),
                manifests.ingress("web", namespace, {host: "web:80"}, annotations=said),
            )
            await gateway.settled()
            answers[namespace] = "x-snippet" in (await gateway.get(host, "/")).headers
        assert answers == {"trusted": True, "tenant": False}
        assert "snippets are off in this namespace" in gateway.status("/problems").text
