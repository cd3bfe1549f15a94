"""What a client sees of a backend's answer: headers, where it redirects to, cookies; held against a real nginx."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.harness import Gateway
from tests.e2e.nginx import Nginx

NGINX = "nginx.ingress.kubernetes.io/"


def asking(*headers: str) -> str:
    """A path that the echo backend answers with these headers."""
    return "/?" + "&".join(f"header={quote(header, safe='')}" for header in headers)


async def test_locations_as_nginx_rewrites_them(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    before, after = "http://inner.test:8080/two/", "https://outer.test/one/"
    site.backend("web", echo_a.port)
    site.ingress(annotations={f"{NGINX}proxy-redirect-from": before, f"{NGINX}proxy-redirect-to": after})
    await site.gateway.settled()
    asked = [
        "Location:http://inner.test:8080/two/a?b=%41",
        "Location:http://inner.test:8080/three/",
        "Location:HTTP://inner.test:8080/two/a",
        "Location:https://elsewhere.test/http://inner.test:8080/two/",
        "Location:/two/",
        "Refresh:5; url=http://inner.test:8080/two/x",
        "Refresh:5",
    ]
    location = f"location / {{ proxy_pass http://127.0.0.1:{echo_a.port}; proxy_redirect {before} {after}; }}"
    with Nginx(tmp_path, location) as nginx:
        for header in asked:
            name = header.partition(":")[0]
            ours, theirs = await site.get(asking(header)), await nginx.get(asking(header))
            assert ours.headers[name] == theirs.headers[name], header
    assert (await site.get(asking(asked[0]))).headers["location"] == f"{after}a?b=%41"


async def test_cookies_as_nginx_rewrites_them(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    """Also several in one answer; the text of a cookie that looks like an attribute stays as it is."""
    site.backend("web", echo_a.port)
    site.ingress(
        annotations={
            f"{NGINX}proxy-cookie-domain": "inner.test .outer.test",
            f"{NGINX}proxy-cookie-path": "/two/ /",
        }
    )
    await site.gateway.settled()
    asked = (
        asking("Set-Cookie:a=1; Domain=inner.test; Path=/two/x; Secure", "Set-Cookie:b=2; domain=.INNER.test;path=/tw"),
        asking("Set-Cookie:domain=inner.test; HttpOnly; Path=/two/"),
        asking("Set-Cookie:c=3; Domain=deep.inner.test; Path=/one/two/; Max-Age=5"),
        asking("Set-Cookie:d", "Set-Cookie:e=%20; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Path=/two/"),
    )
    location = (
        f"location / {{ proxy_pass http://127.0.0.1:{echo_a.port};"
        " proxy_cookie_domain inner.test .outer.test; proxy_cookie_path /two/ /; }"
    )
    with Nginx(tmp_path, location) as nginx:
        for path in asked:
            ours, theirs = await site.get(path), await nginx.get(path)
            assert ours.headers.get_list("set-cookie") == theirs.headers.get_list("set-cookie"), path
    first = (await site.get(asked[0])).headers.get_list("set-cookie")[0]
    assert first == "a=1; Domain=outer.test; Path=/x; Secure"


def web(gateway: Gateway, echo: Echo, name: str, host: str, **options: object) -> None:
    gateway.apply(
        manifests.service("web", "shop", manifests.port()),
        manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo.port}),
        manifests.ingress(name, "shop", {host: "web:80"}, **options),  # type: ignore[arg-type]
    )


async def test_headers_of_a_config_map(new_gateway: NewGateway, echo_a: Echo) -> None:
    """Only what the setting lists; a change of the ConfigMap counts at once."""
    with new_gateway(settings={"ingress": {"allowed_response_headers": ["X-Team", "Server"]}}) as gateway:
        web(gateway, echo_a, "web", "a.test", annotations={f"{NGINX}custom-headers": "shop/headers"})
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": manifests.meta("headers", "shop")}
        gateway.apply({**made, "data": {"X-Team": "100% blue", "X-Other": "no", "Server": "ours"}})
        await gateway.settled()
        found = (await gateway.get("a.test", asking("X-Team:backend"))).headers
        assert (found.get_list("x-team"), found["server"], "x-other" in found) == (["100% blue"], "ours", False)
        assert "does not list x-other" in gateway.status("/problems").text
        gateway.apply({**made, "data": {"X-Team": "red"}})
        await gateway.settled()
        assert (await gateway.get("a.test")).headers["x-team"] == "red"


async def test_what_ingress_nginx_says_without_being_asked(new_gateway: NewGateway, echo_a: Echo) -> None:
    """Backends hear the scheme, browsers that HTTPS is to stay, once; other classes get nothing of it."""
    with new_gateway(settings={"ingress": {"classes": ["sealos", "nginx"]}}) as gateway:
        web(gateway, echo_a, "nginx", "nginx.test", class_name="nginx")
        web(gateway, echo_a, "plain", "plain.test")
        await gateway.settled()
        asked = {"proxy": "evil.test", "x-scheme": "ftp", "X-Forwarded-Proto": "https"}
        reply = await gateway.get("nginx.test", asking("Strict-Transport-Security:max-age=1"), headers=asked)
        sent = dict(reply.json()["headers"])
        assert (sent["x-scheme"], sent["x-forwarded-scheme"], "proxy" in sent) == ("http", "http", False)
        assert reply.headers["strict-transport-security"] == "max-age=1"
        assert "x-forwarded-scheme" not in dict((await gateway.get("plain.test")).json()["headers"])
    trusting = {"ingress": {"classes": ["sealos", "nginx"]}, "http": {"trusted_hops": 1}}
    with new_gateway(settings=trusting) as gateway:
        web(gateway, echo_a, "nginx", "nginx.test", class_name="nginx")
        await gateway.settled()
        asked = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        reply = await gateway.get("nginx.test", asking("Strict-Transport-Security:max-age=1"), headers=asked)
        assert reply.headers.get_list("strict-transport-security") == ["max-age=31536000; includeSubDomains"]
        assert dict(reply.json()["headers"])["x-scheme"] == "https"
