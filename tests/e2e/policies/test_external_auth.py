"""External authentication through a real Envoy: what is asked, what becomes of the answer, beside a real nginx."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e import manifests, wire
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.harness import eventually
from tests.e2e.nginx import Nginx
from tests.e2e.policies.auth_service import AuthService, auth_service

NGINX = "nginx.ingress.kubernetes.io/"


def url(site: Site, rest: str = "/verify") -> dict[str, str]:
    return {f"{NGINX}auth-url": f"http://auth.{site.namespace}.svc.cluster.local{rest}"}


def named(**annotations: str) -> dict[str, str]:
    return {NGINX + name.replace("_", "-"): text for name, text in annotations.items()}


async def guarded(site: Site, echo: Echo, service: AuthService, rest: str = "/verify", **more: str) -> None:
    site.backend("web", echo.port)
    site.backend("auth", service.port)
    site.ingress(annotations={**url(site, rest), **named(**more)})
    await site.gateway.settled()


ASKED = {"Cookie": "a=1; session=s3", "X-Own": "mine", "Authorization": "Bearer t", "X-Forwarded-For": "10.9.9.9",
         "X-Original-Method": "EVIL", "X-Sent-From": "me", "X-Real-IP": "10.0.0.1",
         "X-Original-URL": "http://x/"}  # fmt: skip
_EXPECTED = "x-envoy-expected-rq-timeout-ms"
LOCATIONS = """
  location = /_auth {{
    internal; proxy_pass_request_body off;
    proxy_set_header Content-Length ""; proxy_set_header X-Forwarded-Proto ""; proxy_set_header Host auth.test;
    proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
    proxy_set_header X-Original-Method $request_method;
    proxy_set_header X-Sent-From "nginx-ingress-controller"; proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Auth-Request-Redirect $request_uri;
    proxy_http_version 1.1; proxy_pass http://127.0.0.1:{auth}{path};
  }}
  location / {{
    auth_request /_auth; auth_request_set $auth_cookie $upstream_http_set_cookie; add_header Set-Cookie $auth_cookie;
    auth_request_set $u $upstream_http_x_user; proxy_set_header X-User $u; proxy_pass http://127.0.0.1:{echo};
  }}
"""


async def test_as_nginx_asks(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    """The same question, header by header, for a request with a body, a query, and headers that lie."""
    async with auth_service() as service:
        await guarded(site, echo_a, service, "/verify?x=1")
        ours = await site.gateway.request("POST", site.host, "/shop/a%20b?q=1&r=%2F", headers=ASKED, content=b"body")
        assert ours.status_code == 200
        assert ours.json()["body_bytes"] == 4
        with Nginx(tmp_path, LOCATIONS.format(auth=service.port, path="/verify?x=1", echo=echo_a.port)) as nginx:
            place = "/shop/a%20b?q=1&r=%2F"
            theirs = await nginx.get(place, host=site.host, method="POST", headers=ASKED, content=b"body")
        assert theirs.status_code == 200
        (mine, reference) = service.seen
    assert (mine.method, mine.target, mine.body) == (reference.method, reference.target, reference.body)
    assert (mine.method, mine.target, mine.body) == ("GET", "/verify?x=1", b"")
    only_ours = {"x-request-id", "x-forwarded-host", "x-forwarded-port", "x-envoy-internal", _EXPECTED}
    own = {name: value for name, value in mine.headers if name not in only_ours}
    other = {name: value for name, value in reference.headers if name not in ("connection", "accept-encoding")}
    other["host"] = own["host"]
    other["x-original-url"] = f"http://{site.host}{place}"
    own.pop("accept-encoding", None)
    assert own == other
    assert own["host"] == f"auth.{site.namespace}.svc.cluster.local"


@pytest.mark.parametrize("status", [200, 204, 299, 301, 302, 400, 401, 403, 404, 429, 500, 502, 503])
async def test_as_nginx_understands_the_answer(site: Site, echo_a: Echo, tmp_path: Path, status: int) -> None:
    path = f"/?status={status}&header=www-authenticate:Bearer%20realm%3Dx&header=set-cookie:c%3D1&header=location:/x"
    async with auth_service() as service:
        await guarded(site, echo_a, service, path)
        ours = await site.get()
        with Nginx(tmp_path, LOCATIONS.format(auth=service.port, path=path, echo=echo_a.port)) as nginx:
            theirs = await nginx.get()
    assert ours.status_code == theirs.status_code
    for name in ("www-authenticate", "set-cookie", "location"):
        assert ours.headers.get(name) == theirs.headers.get(name), name


async def test_the_method_of_the_question(site: Site, echo_a: Echo) -> None:
    async with auth_service() as service:
        await guarded(site, echo_a, service, "/verify?u=$arg_u&p=$request_uri", auth_method="POST")
        assert (await site.get("/x?u=joe%20b")).status_code == 200
        (seen,) = service.seen
    assert (seen.method, seen.target) == ("POST", "/verify?u=joe%20b&p=/x?u=joe%20b")
    assert (seen.values("x-original-uri"), seen.values("x-scheme")) == (["/x?u=joe%20b"], ["http"])


async def test_a_variable_cannot_end_the_request_line(site: Site, echo_a: Echo) -> None:
    async with auth_service() as service:
        await guarded(site, echo_a, service, "/verify?u=$http_x_user&end=1")
        lines = ["X-User: a HTTP/1.1\tx\xff#frag"]
        await wire.exchange(site.gateway.http_port, wire.request("/", site.host, *lines))
        (seen,) = service.seen
    assert seen.target == "/verify?u=a%20HTTP/1.1%09x%FF%23frag&end=1"


async def test_nobody_but_the_service_says_who_the_user_is(site: Site, echo_a: Echo) -> None:
    lies = [("X-User", "root"), ("x-USER", "admin"), ("X-Groups", "wheel")]
    headers = "auth-response-headers"
    async with auth_service() as service:
        await guarded(site, echo_a, service, "/?header=x-user:joe", **{headers.replace("-", "_"): "X-User, X-Groups"})
        seen = await site.answer(headers=lies)
    found = [(name, value) for name, value in seen["headers"] if name in ("x-user", "x-groups")]
    assert found == [("x-user", "joe")]


async def test_who_must_sign_in_is_redirected(site: Site, echo_a: Echo) -> None:
    async with auth_service() as service:
        path = "/?status=401&header=set-cookie:c%3D1"
        await guarded(site, echo_a, service, path, auth_signin="https://login.test/start?lang=de")
        reply = await site.get("/a/b?q=1&r=x y")
    wanted = quote("/a/b?q=1&r=x%20y", safe="-._~")
    assert reply.status_code == 302
    assert reply.headers["location"] == f"https://login.test/start?lang=de&rd=http://{site.host}{wanted}"
    assert reply.headers["set-cookie"] == "c=1"


async def test_headers_of_a_config_map_are_sent_along(site: Site, echo_a: Echo) -> None:
    data = {"X-Tenant": "shop", "x-path": "$uri", "X-None": "$http_x_none"}
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": manifests.meta("more", site.namespace)}
    site.apply({**config_map, "data": data})
    async with auth_service() as service:
        await guarded(site, echo_a, service, auth_proxy_set_headers="more")
        assert (await site.get("/a?b", headers={"X-Tenant": "bank", "X-None": ""})).status_code == 200
        (seen,) = service.seen
    assert (seen.values("x-tenant"), seen.values("x-path")) == (["shop"], ["/a"])


async def test_headers_of_a_snippet_are_sent_along(site: Site, echo_a: Echo) -> None:
    text = """# for the service
        proxy_set_header X-Tenant "shop one";
        proxy_set_header x-path $uri;
        proxy_set_header Cookie "";"""
    async with auth_service() as service:
        await guarded(site, echo_a, service, auth_snippet=text)
        reply = await site.get("/a?b", headers={"X-Tenant": "bank", "Cookie": "secret=1"})
        (seen,) = service.seen
    assert (seen.values("x-tenant"), seen.values("x-path"), seen.values("cookie")) == (["shop one"], ["/a"], [])
    sent = dict(reply.json()["headers"])
    assert (sent["x-tenant"], sent["cookie"]) == ("bank", "secret=1"), "the backend gets what the client sent"


@pytest.mark.parametrize(("always", "status", "cookies"), [("false", 500, []), ("true", 500, ["c=1", "d=2"])])
async def test_cookies_of_the_service_reach_the_client(
    site: Site, echo_a: Echo, always: str, status: int, cookies: list[str]
) -> None:
    async with auth_service() as service:
        path = "/?header=set-cookie:c%3D1&header=set-cookie:d%3D2"
        await guarded(site, echo_a, service, path, auth_always_set_cookie=always)
        fine, failed = await site.get(), await site.get(f"/?status={status}")
    assert fine.headers.get_list("set-cookie") == ["c=1", "d=2"]
    assert (failed.status_code, failed.headers.get_list("set-cookie")) == (status, cookies)


async def test_answers_are_remembered(new_gateway: NewGateway, echo_a: Echo) -> None:
    async with auth_service() as service:
        auth = "http://auth.shop.svc.cluster.local/?status="
        keyed = named(auth_cache_key="$cookie_session$request_method", auth_cache_duration="200 2s, 401 1m")
        more = "&header=set-cookie:c%3D1"
        hosts = {
            "yes.test": "200&header=x-user:joe",
            "no.test": "401",
            "other.test": "403",
            "cookie.test": f"200{more}",
        }
        gateway = new_gateway(
            manifests.service("web", "shop"), manifests.service("auth", "shop"),
            manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port}),
            manifests.endpoint_slice("auth", "shop", ["127.0.0.1"], {"http": service.port}),
            *(manifests.ingress(host.partition(".")[0], "shop", {host: "web:80"}, annotations={
                f"{NGINX}auth-url": auth + rest, f"{NGINX}auth-response-headers": "x-user", **keyed,
            }) for host, rest in hosts.items()),
        ).start()  # fmt: skip

        async def asked(host: str, **headers: str) -> tuple[int, int]:
            before = len(service.seen)
            reply = await gateway.get(host, headers=headers)
            if reply.status_code == 200 and host == "yes.test":
                assert dict(reply.json()["headers"])["x-user"] == "joe"
            return reply.status_code, len(service.seen) - before

        first, again = {"cookie": "session=1"}, {"cookie": "x=y; session=1"}
        assert [await asked("yes.test", **first), await asked("yes.test", **again)] == [(200, 1), (200, 0)]
        assert await asked("yes.test", cookie="session=2") == (200, 1), "another key"
        assert [await asked("no.test", **first), await asked("no.test", **first)] == [(401, 1), (401, 0)]
        assert [await asked("other.test", **first), await asked("other.test", **first)] == [(403, 1)] * 2, (
            "no time given"
        )
        assert [await asked("cookie.test", **first), await asked("cookie.test", **first)] == [(200, 1)] * 2, "a cookie"

        async def forgotten() -> bool:
            return await asked("yes.test", **first) == (200, 1)

        await eventually(forgotten)


async def test_a_service_that_is_gone_lets_nobody_pass(site: Site, echo_a: Echo) -> None:
    async with auth_service() as service:
        await guarded(site, echo_a, service)
        assert (await site.get()).status_code == 200
    assert (await site.get()).status_code == 500
    site.delete(manifests.service("auth", site.namespace))

    async def closed() -> bool:
        return (await site.get()).status_code == 503

    await eventually(closed)


async def test_of_two_addresses_the_one_that_answers_is_asked(site: Site, echo_a: Echo) -> None:
    """Whatever the method of the question, and though several are under way."""
    async with auth_service() as service:
        await guarded(site, echo_a, service, auth_method="POST")
        site.slice("auth", service.port, "dead", "127.0.0.2")
        await site.gateway.settled()
        found = Counter[int]()
        for _ in range(20):
            replies = await asyncio.gather(*(site.get() for _ in range(5)))
            found.update(reply.status_code for reply in replies)
    assert found == {200: 100}


async def test_a_cold_host_asks_too(new_gateway: NewGateway, echo_a: Echo) -> None:
    """The cluster of the service is with Envoy before the routes that need it; capitals change nothing."""
    async with auth_service() as service:
        gateway = new_gateway(
            manifests.service("web", "shop"), manifests.service("auth", "sso"),
            manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port}),
            manifests.endpoint_slice("auth", "sso", ["127.0.0.1"], {"http": service.port}),
            *(manifests.ingress(f"i{number}", "shop", {host: "web:80"}, annotations={
                f"{NGINX}auth-url": f"http://auth.sso.svc.cluster.local/?status={status}"})
              for number, (host, status) in enumerate({"no.test": 401, "yes.test": 200, "*.no.test": 403}.items())),
            settings={"lazy": {"threshold": 0}},
        ).start()  # fmt: skip
        replies = await asyncio.gather(*(gateway.get(host) for host in ("NO.test", "yes.TEST", "a.NO.test")))
        assert [reply.status_code for reply in replies] == [401, 200, 403]


async def test_a_service_outside_the_cluster(new_gateway: NewGateway, echo_a: Echo) -> None:
    async with auth_service() as service:
        place = f"http://localhost:{service.port}/?status="
        made: dict[str, Any] = {"ingress": {"local_external_names": True}}
        gateway = new_gateway(
            manifests.service("web", "shop"),
            manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port}),
            *(manifests.ingress(f"i{status}", "shop", {f"i{status}.test": "web:80"}, annotations={
                f"{NGINX}auth-url": f"{place}{status}"}) for status in (200, 403)),
            settings=made,
        ).start()  # fmt: skip

        async def says(status: int) -> bool:
            return (await gateway.get(f"i{status}.test")).status_code == status

        # `localhost` has an address where nobody listens, which is left out once it was found to fail.
        await eventually(lambda: says(200))
        await eventually(lambda: says(403))
        assert service.seen[-1].values("host") == ["localhost"]


async def test_global_authentication(new_gateway: NewGateway, echo_a: Echo) -> None:
    async with auth_service() as service:
        gateway = new_gateway(
            manifests.service("web", "shop"), manifests.service("auth", "sso"),
            manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port}),
            manifests.endpoint_slice("auth", "sso", ["127.0.0.1"], {"http": service.port}),
            manifests.ingress("all", "shop", {"all.test": "web:80"}),
            manifests.ingress("none", "shop", {"none.test": "web:80"}, annotations=named(enable_global_auth="false")),
            manifests.ingress("own", "shop", {"own.test": "web:80"}, annotations=named(
                auth_url="http://auth.sso.svc.cluster.local/?status=200")),
            settings={"ingress": {"global_auth": {"auth-url": "http://auth.sso.svc.cluster.local/?status=403"}}},
        ).start()  # fmt: skip
        found = [(await gateway.get(host)).status_code for host in ("all.test", "none.test", "own.test")]
    assert found == [403, 200, 200]


async def test_what_the_service_says_chooses_no_other_route(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    """A header of the service is for the backend: routes with conditions on it are for those who sent it themselves."""
    async with auth_service() as service:
        await guarded(site, echo_a, service, "/?header=x-user:root", auth_response_headers="x-user")
        site.backend("root", echo_b.port)
        only = {"higress.io/exact-match-header-x-user": "root"}
        site.ingress("root:80", name="root", annotations=only)
        await site.gateway.settled()
        seen = await site.answer()
        assert (seen["name"], dict(seen["headers"])["x-user"]) == ("echo-a", "root")
        assert (await site.answer(headers={"X-User": "root"}))["name"] == "echo-b", "else there would be no such route"
