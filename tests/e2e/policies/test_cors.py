"""Requests from other origins, as ingress-nginx answers them."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.backends import Echo
from tests.e2e.conftest import Site

NGINX = "nginx.ingress.kubernetes.io/"
ALLOW = "access-control-allow-"


def cors(site: Site, echo: Echo, **annotations: str) -> None:
    site.backend("web", echo.port)
    named = {"enable-cors": "true"} | {f"cors-{name.replace('_', '-')}": value for name, value in annotations.items()}
    site.ingress(annotations={NGINX + name: value for name, value in named.items()})


async def asked(site: Site, method: str, origin: str = "") -> httpx.Response:
    headers = {"origin": origin} if origin else {}
    return await site.gateway.request(method, site.host, headers=headers)


async def test_as_nginx(site: Site, echo_a: Echo) -> None:
    """Every OPTIONS is answered by the gateway; every other response has the headers."""
    cors(site, echo_a)
    await site.gateway.settled()
    reply = await asked(site, "OPTIONS", "https://a.test")
    assert reply.status_code == 204
    assert reply.headers[f"{ALLOW}origin"] == "https://a.test"
    assert reply.headers[f"{ALLOW}credentials"] == "true"
    assert reply.headers[f"{ALLOW}methods"] == "GET, PUT, POST, DELETE, PATCH, OPTIONS"
    assert "Authorization" in reply.headers[f"{ALLOW}headers"]
    assert reply.headers["access-control-max-age"] == "1728000"
    reply = await asked(site, "GET", "https://a.test")
    assert reply.json()["name"] == "echo-a"
    assert reply.headers[f"{ALLOW}origin"] == "https://a.test"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://a.test", True), ("https://x.wild.test", True), ("https://x.wild.test:8443", False),
        ("https://x.y.wild.test", False), ("https://wild.test", False), ("http://a.test", False),
        ("https://a.test.evil.test", False), ("https://xa.test", False), ("", False),
    ],
)  # fmt: skip
async def test_origins(site: Site, echo_a: Echo, origin: str, allowed: bool) -> None:
    cors(site, echo_a, allow_origin="https://a.test, https://*.wild.test", allow_credentials="false")
    await site.gateway.settled()
    reply = await asked(site, "GET", origin)
    assert reply.json()["name"] == "echo-a"
    assert reply.headers.get(f"{ALLOW}origin") == (origin if allowed else None)
    assert f"{ALLOW}credentials" not in reply.headers
    reply = await asked(site, "OPTIONS", origin)
    assert reply.status_code == (204 if allowed else 200)


async def test_what_the_backend_says_itself_is_replaced(site: Site, echo_a: Echo) -> None:
    cors(site, echo_a, allow_origin="https://a.test")
    await site.gateway.settled()
    theirs = "/?header=access-control-allow-origin:*"
    reply = await site.gateway.get(site.host, theirs, headers={"origin": "https://a.test"})
    assert reply.headers.get_list(f"{ALLOW}origin") == ["https://a.test"]
