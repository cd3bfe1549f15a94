"""The way to a backend as annotations say it: times, repeats, which endpoint, TLS, copies, pages for errors."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from sealos_gateway.echo.server import EchoSettings
from tests import pem
from tests.e2e import backends, manifests
from tests.e2e.backends import LOOPBACK, Echo, Recorder
from tests.e2e.conftest import Site
from tests.e2e.harness import eventually

NGINX = "nginx.ingress.kubernetes.io/"


def said(**annotations: str) -> dict[str, str]:
    return {NGINX + name.replace("_", "-"): value for name, value in annotations.items()}


async def test_a_backend_that_is_silent_for_too_long(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress(annotations=said(proxy_read_timeout="1", proxy_send_timeout="1"))
    await site.gateway.settled()
    assert (await site.get("/?delay=0.2")).status_code == 200
    reply = await site.get("/?delay=5")
    assert reply.status_code == 504


async def test_an_exchange_that_takes_too_long(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress(annotations={"higress.io/timeout": "1"})
    await site.gateway.settled()
    assert (await site.get("/?delay=5")).status_code == 504
    assert (await site.get("/")).status_code == 200


async def test_another_endpoint_is_tried(site: Site, echo_a: Echo) -> None:
    """One endpoint answers 502 and the other 200: a GET finds the other one, a POST keeps what it got."""

    async def bad(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")

    async with backends.raw(bad) as wrong:
        site.backend("web", echo_a.port, wrong.port)
        site.ingress(annotations=said(proxy_next_upstream="error timeout http_502"))
        await site.gateway.settled()
        gets = [(await site.get("/")).status_code for _ in range(20)]
        posts = [(await site.gateway.request("POST", site.host, content=b"")).status_code for _ in range(20)]
    assert set(gets) == {200}
    assert set(posts) == {200, 502}


async def endpoints_of(site: Site, count: int, **options: Any) -> Counter[str]:
    return Counter([str((await site.answer(**options))["name"]) for _ in range(count)])


async def test_a_key_stays_with_its_endpoint(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    site.backend("web", echo_a.port, echo_b.port)
    site.ingress(annotations=said(upstream_hash_by="$http_x_user"))
    await site.gateway.settled()
    chosen = {user: await endpoints_of(site, 6, headers={"x-user": user}) for user in map(str, range(12))}
    assert all(len(found) == 1 for found in chosen.values())
    assert len({name for found in chosen.values() for name in found}) == 2


async def test_a_client_address_stays_with_its_endpoint(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    site.backend("web", echo_a.port, echo_b.port)
    site.ingress(annotations=said(load_balance="ip_hash"))
    await site.gateway.settled()
    assert len(await endpoints_of(site, 12)) == 1


async def test_a_cookie_keeps_a_client_with_its_endpoint(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    site.backend("web", echo_a.port, echo_b.port)
    site.ingress(
        annotations=said(
            affinity="cookie", session_cookie_name="STICK", session_cookie_max_age="60",
            session_cookie_samesite="Lax", session_cookie_secure="true",
        )
    )  # fmt: skip
    await site.gateway.settled()
    cookie = (await site.get("/")).headers["set-cookie"]
    attributes = [it.strip() for it in cookie.split(";")]
    assert attributes[0].startswith("STICK=")
    assert {"Path=/", "SameSite=Lax", "HttpOnly", "Max-Age=60"} <= set(attributes)
    assert any(it.rstrip("=") == "Secure" for it in attributes)
    held = [await endpoints_of(site, 10, headers={"cookie": attributes[0]}) for _ in range(2)]
    assert len(held[0] | held[1]) == 1
    assert len(await endpoints_of(site, 30)) == 2


async def test_clients_with_a_balanced_cookie_are_spread_anew(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    """The cookie's value is hashed: any value stays with one endpoint, and moves when that one is gone."""
    site.backend("web", echo_a.port, echo_b.port)
    site.ingress(
        annotations=said(
            affinity="cookie", affinity_mode="balanced", session_cookie_name="STICK", session_cookie_path="/app",
            session_cookie_max_age="60", session_cookie_samesite="Lax",
        )
    )  # fmt: skip
    await site.gateway.settled()
    cookie = (await site.get("/")).headers["set-cookie"]
    attributes = {it.strip() for it in cookie.split(";")[1:]}
    assert {"Path=/app", "SameSite=Lax", "Max-Age=60", "HttpOnly"} <= attributes
    chosen = {str(n): await endpoints_of(site, 4, headers={"cookie": f"STICK=u{n}"}) for n in range(12)}
    assert all(len(found) == 1 for found in chosen.values())
    assert len({name for found in chosen.values() for name in found}) == 2
    site.slice("web", echo_a.port, "web-2")
    await site.gateway.settled()

    async def moved() -> bool:
        answers = [await site.answer(headers={"cookie": f"STICK=u{n}"}) for n in range(12)]
        return {it["name"] for it in answers} == {"echo-a"}

    for _ in range(100):
        if await moved():
            break
    assert await moved()


async def test_who_wants_a_client_to_stay_is_told_where_it_moves(site: Site) -> None:
    site.backend("web")
    site.ingress(
        annotations=said(affinity="cookie", affinity_canary_behavior="sticky", session_cookie_change_on_failure="false")
    )
    await eventually(lambda: len([it for it in site.gateway.problems() if site.namespace in it]) == 2)
    assert all("UnsupportedAnnotation" in it for it in site.gateway.problems() if site.namespace in it)


async def test_protocols_of_backends(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress([manifests.path("/", "web:80")], annotations=said(backend_protocol="GRPC"))
    site.ingress([manifests.path("/ws", "web:80")], name="ws", annotations=said(backend_protocol="WS"))
    site.ingress([manifests.path("/fcgi", "web:80")], name="fcgi", annotations=said(backend_protocol="FCGI"))
    await site.gateway.settled()
    assert (await site.answer("/"))["http_version"] == "2"
    assert (await site.answer("/ws"))["http_version"] == "1.1"
    assert (await site.get("/fcgi")).status_code == 503
    assert [it for it in site.gateway.problems() if f"{site.namespace}/fcgi" in it and "FCGI" in it]


def bundle(name: str, namespace: str, chain: bytes, key: bytes, authority: bytes) -> manifests.Object:
    made = manifests.tls_secret(name, namespace, chain, key)
    made["data"]["ca.crt"] = base64.b64encode(authority).decode()
    return made


async def test_tls_to_a_backend_that_is_checked(site: Site, tmp_path: Path) -> None:
    """The right authority and name are served; another name, and another authority, are not."""
    chain, key = pem.pair("backend.test")
    other, _ = pem.pair("backend.test", "other.test")
    paths = (tmp_path / "crt", tmp_path / "key")
    for path, content in zip(paths, (chain, key), strict=True):
        path.write_bytes(content)
    checked = said(
        backend_protocol="HTTPS", proxy_ssl_verify="on", proxy_ssl_secret=f"{site.namespace}/good",
        proxy_ssl_name="backend.test", proxy_ssl_server_name="on",
    )  # fmt: skip
    async with backends.echo(EchoSettings(tls_cert=paths[0], tls_key=paths[1])) as at:
        site.backend("web", at.port)
        site.apply(bundle("good", site.namespace, chain, key, chain), bundle("bad", site.namespace, chain, key, other))
        for name, changed in (
            ("right", {}),
            ("name", said(proxy_ssl_name="other.test")),
            ("authority", said(proxy_ssl_secret="bad")),
            ("nobody", said(proxy_ssl_secret="missing")),
        ):
            site.ingress([manifests.path(f"/{name}", "web:80")], name=name, annotations=checked | changed)
        await site.gateway.settled()
        assert (await site.get("/right")).status_code == 200
        for name in ("name", "authority", "nobody"):
            assert (await site.get(f"/{name}")).status_code == 503, name


async def test_the_default_backend_answers_while_there_is_no_endpoint(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    site.backend("spare", echo_b.port)
    site.apply(manifests.service("web", site.namespace))
    site.ingress(annotations=said(default_backend="spare"))
    await site.gateway.settled()
    assert (await site.answer())["name"] == "echo-b"
    site.slice("web", echo_a.port, "web-1")

    async def back() -> bool:
        return bool((await site.answer())["name"] == "echo-a")

    await eventually(back)


async def test_error_pages(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    """The page comes from the default backend, which hears what went wrong; other answers are left alone."""
    site.backend("web", echo_a.port)
    site.backend("pages", echo_b.port)
    site.ingress(annotations=said(custom_http_errors="404,503", default_backend="pages"))
    await site.gateway.settled()
    reply = await site.get("/lost?status=404", headers={"accept": "text/html"})
    page = reply.json()
    assert page["name"] == "echo-b"
    told = dict(page["headers"])
    assert told["x-code"] == "404"
    assert told["x-format"] == "text/html"
    assert told["x-original-uri"] == "/lost?status=404"
    assert (told["x-namespace"], told["x-ingress-name"], told["x-service-name"]) == (site.namespace, "web", "pages")
    assert (await site.get("/?status=500")).json()["name"] == "echo-a"
    assert (await site.get("/")).json()["name"] == "echo-a"


async def test_requests_that_are_not_in_the_access_log(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress([manifests.path("/quiet", "web:80")], name="quiet", annotations=said(enable_access_log="false"))
    site.ingress([manifests.path("/loud", "web:80")], name="loud")
    await site.gateway.settled()
    for path in ("/quiet", "/loud"):
        assert (await site.get(path)).status_code == 200
    await eventually(lambda: len(site.gateway.access_log(authority=site.host, path="/loud")) == 1)
    assert site.gateway.access_log(authority=site.host, path="/quiet") == []


@pytest.mark.parametrize(
    ("annotation", "host"),
    [
        (("higress.io/mirror-target-service", "copy:80"), ""),
        ((f"{NGINX}mirror-target", "http://copy$request_uri"), "copy"),
    ],
)
async def test_copies_of_requests(site: Site, echo_a: Echo, annotation: tuple[str, str], host: str) -> None:
    recorder = Recorder()
    async with backends.raw(recorder) as copy:
        site.backend("web", echo_a.port)
        site.backend("copy", copy.port)
        site.ingress(annotations=dict([annotation]))
        await site.gateway.settled()
        reply = await site.gateway.request("POST", site.host, "/a?b=c", content=b"hello")
        assert reply.json()["name"] == "echo-a"
        await eventually(
            lambda: [(it.method, it.target, it.body) for it in recorder.seen] == [("POST", "/a?b=c", b"hello")]
        )
    assert recorder.seen[0].values("host") == [host or site.host]


@pytest.mark.parametrize(
    ("annotations", "host"),
    [
        ({f"{NGINX}mirror-target": "http://127.0.0.1:{}$request_uri"}, LOOPBACK),
        ({f"{NGINX}mirror-target": "http://127.0.0.1:{}/", f"{NGINX}mirror-host": "copy.test"}, "copy.test"),
        ({"higress.io/mirror-target-fqdn": LOOPBACK, "higress.io/mirror-target-fqdn-port": "{}"}, LOOPBACK),
    ],
)
async def test_copies_for_another_host(site: Site, echo_a: Echo, annotations: dict[str, str], host: str) -> None:
    recorder = Recorder()
    async with backends.raw(recorder) as copy:
        site.backend("web", echo_a.port)
        site.ingress(annotations={name: value.format(copy.port) for name, value in annotations.items()})
        await site.gateway.settled()
        reply = await site.gateway.request("POST", site.host, "/a?b=c", content=b"hello")
        assert reply.json()["name"] == "echo-a"
        await eventually(
            lambda: [(it.method, it.target, it.body) for it in recorder.seen] == [("POST", "/a?b=c", b"hello")]
        )
    assert recorder.seen[0].values("host") == [host]


async def test_an_endpoint_that_fails_its_checks_gets_nothing(site: Site, echo_a: Echo) -> None:
    async with backends.raw(backends.sick) as wrong:
        site.backend("web", echo_a.port, wrong.port)
        site.ingress(annotations={"sealos.io/health-check-path": "/ready", "sealos.io/health-check-interval": "1"})
        await site.gateway.settled()

        async def only_the_healthy_one() -> bool:
            return all(["sick" not in (await site.get()).text for _ in range(10)])

        await eventually(only_the_healthy_one)


async def test_compressed_responses(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress(annotations={"sealos.io/compression": "true"})
    await site.gateway.settled()
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{site.gateway.http_port}/?header=x-pad:{'x' * 600}"
        for accepted, encoding in (("gzip", "gzip"), ("br, gzip", "br"), ("identity", None)):
            reply = await client.get(url, headers={"host": site.host, "accept-encoding": accepted})
            assert reply.headers.get("content-encoding") == encoding
