"""Each family of a TrafficPolicy through a real Envoy: on an HTTPRoute, on a rule, a Gateway, an Ingress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.e2e import backends
from tests.e2e.backends import Echo, Recorder
from tests.e2e.conftest import Site
from tests.e2e.harness import eventually
from tests.e2e.policies import own

ALLOW = "access-control-allow-"


async def traffic(site: Site, echo: Echo, **spec: Any) -> None:
    """A route to the echo backend, with a TrafficPolicy."""
    site.backend("web", echo.port)
    own.routed(site)
    own.policy(site, "TrafficPolicy", **spec)
    await site.gateway.settled()


async def test_timeouts(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    own.routed(site, own.rule(name="whole"), own.rule("/idle", name="idle"))
    own.policy(site, "TrafficPolicy", "HTTPRoute web whole", timeouts={"request": "500ms"})
    own.policy(site, "TrafficPolicy", "HTTPRoute web idle", timeouts={"idle": "500ms"})
    await site.gateway.settled()
    for path in ("/", "/idle"):
        assert (await site.get(f"{path}?delay=0.1")).status_code == 200
        assert (await site.get(f"{path}?delay=5")).status_code == 504


async def test_retries(site: Site, echo_a: Echo) -> None:
    """One endpoint answers 429 and the other 200: with the policy every request finds the other one."""

    async def bad(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n")

    async with backends.raw(bad) as wrong:
        site.backend("web", echo_a.port, wrong.port)
        own.routed(site, own.rule(name="one"), own.rule("/plain"))
        retry = {"attempts": 5, "codes": [429], "backoff": "1ms", "maxBackoff": "5ms"}
        own.policy(site, "TrafficPolicy", "HTTPRoute web one", retry=retry)
        await site.gateway.settled()
        assert {(await site.get("/")).status_code for _ in range(15)} == {200}
        assert {(await site.get("/plain")).status_code for _ in range(20)} == {200, 429}


async def test_headers(site: Site, echo_a: Echo) -> None:
    await traffic(
        site,
        echo_a,
        requestHeaders={
            "set": [{"name": "X-Team", "value": "100% shop"}],
            "add": [{"name": "X-Asked", "template": "$host$request_uri"}],
            "remove": ["X-Debug"],
        },
        responseHeaders={
            "set": [{"name": "X-Frame-Options", "value": "DENY"}],
            "add": [{"name": "X-Seen", "template": "$request_method"}],
            "remove": ["X-Powered-By"],
        },
    )
    reply = await site.get("/a?header=x-powered-by:echo", headers={"X-Debug": "1", "X-Team": "theirs"})
    got = dict(reply.json()["headers"])
    assert (got["x-team"], got["x-asked"]) == ("100% shop", f"{site.host}/a?header=x-powered-by:echo")
    assert "x-debug" not in got
    assert (reply.headers["x-frame-options"], reply.headers["x-seen"]) == ("DENY", "GET")
    assert "x-powered-by" not in reply.headers


async def test_cors(site: Site, echo_a: Echo) -> None:
    await traffic(
        site,
        echo_a,
        cors={"allowOrigins": ["https://*.good.test"], "allowMethods": ["PUT"], "maxAge": "1h"},
    )
    for origin, allowed in (("https://a.good.test", True), ("https://a.bad.test", False)):
        asked = {"origin": origin, "access-control-request-method": "PUT"}
        reply = await site.gateway.request("OPTIONS", site.host, headers=asked)
        assert reply.headers.get(f"{ALLOW}origin") == (origin if allowed else None)
        assert reply.headers.get("access-control-max-age") == ("3600" if allowed else None)


async def test_large_bodies(site: Site, echo_a: Echo) -> None:
    await traffic(site, echo_a, maxRequestBodySize="1Ki")
    assert (await site.gateway.request("POST", site.host, content=b"x" * 1024)).status_code == 200
    assert (await site.gateway.request("POST", site.host, content=b"x" * 1025)).status_code == 413


async def test_a_request_is_received_before_the_backend_gets_it(site: Site) -> None:
    recorder = Recorder()
    async with backends.raw(recorder) as server:
        site.backend("web", server.port)
        own.routed(site)
        own.policy(site, "TrafficPolicy", requestBuffering=True)
        await site.gateway.settled()
        _, writer = await asyncio.open_connection(backends.LOOPBACK, site.gateway.http_port)
        writer.write(f"POST / HTTP/1.1\r\nhost: {site.host}\r\ncontent-length: 4\r\n\r\nab".encode())
        await writer.drain()
        assert (await site.get("/")).status_code == 200
        assert [it.method for it in recorder.seen] == ["GET"]
        writer.write(b"cd")
        await eventually(lambda: [it.body for it in recorder.seen if it.method == "POST"] == [b"abcd"])
        writer.close()


async def test_compression(site: Site, echo_a: Echo) -> None:
    await traffic(site, echo_a, compression={"contentTypes": ["application/json"], "minSize": "1Ki"})
    accepted = {"accept-encoding": "gzip"}
    long, short = f"/?header=x-pad:{'x' * 1500}", "/"
    assert (await site.get(long, headers=accepted)).headers.get("content-encoding") == "gzip"
    assert "content-encoding" not in (await site.get(short, headers=accepted)).headers


async def test_limits_of_requests(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    own.routed(site, own.rule(name="few"), own.rule("/free", name="free"))
    limit = {"requests": 2, "interval": "1m", "burst": 3, "statusCode": 403}
    own.policy(site, "TrafficPolicy", "HTTPRoute web few", rateLimits=[limit])
    own.policy(site, "TrafficPolicy", "HTTPRoute web free", rateLimits=[{**limit, "exempt": ["127.0.0.0/8"]}])
    await site.gateway.settled()
    assert [(await site.get("/")).status_code for _ in range(5)] == [200] * 3 + [403] * 2
    assert [(await site.get("/free")).status_code for _ in range(5)] == [200] * 5


async def test_requests_in_progress(site: Site, echo_a: Echo) -> None:
    """Counted in each worker; two requests on one connection are in one worker."""
    await traffic(site, echo_a, connectionLimit={"perClient": 1, "statusCode": 429})
    async with site.gateway.client(http2=True) as client:
        async with asyncio.TaskGroup() as tasks:
            slow = tasks.create_task(client.get("/?delay=2", headers={"host": site.host}))
            await eventually(lambda: _in_progress(site) == 1)
            assert (await client.get("/", headers={"host": site.host})).status_code == 429
        assert slow.result().status_code == 200
        assert (await client.get("/", headers={"host": site.host})).status_code == 200


def _in_progress(site: Site) -> int:
    return sum(site.gateway.stats(f"cluster.*{site.namespace}.*upstream_rq_active").values())


async def test_bandwidth(site: Site, echo_a: Echo) -> None:
    await traffic(site, echo_a, bandwidth={"response": "100Ki"})
    began = time.monotonic()
    assert len((await site.get(f"/?size={300 * 1024}", seconds=30)).content) == 300 * 1024
    assert 1.5 < time.monotonic() - began < 10


async def test_copies(site: Site, echo_a: Echo) -> None:
    recorder = Recorder()
    async with backends.raw(recorder) as copy:
        site.backend("copy", copy.port)
        mirror = {"backendRef": {"name": "copy", "port": 80}, "hostname": "copy.test"}
        await traffic(site, echo_a, mirrors=[mirror])
        assert (await site.answer("/a?b=c"))["name"] == "echo-a"
        await eventually(
            lambda: [(it.target, it.values("host")) for it in recorder.seen] == [("/a?b=c", ["copy.test"])]
        )


async def test_pages_for_errors(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    site.backend("pages", echo_b.port)
    await traffic(site, echo_a, errorPages={"codes": [404], "backendRef": {"name": "pages", "port": 80}})
    page = (await site.get("/lost?status=404")).json()
    assert (page["name"], dict(page["headers"])["x-code"]) == ("echo-b", "404")
    assert (await site.get("/?status=500")).json()["name"] == "echo-a"


async def test_rewrites(site: Site, echo_a: Echo) -> None:
    await traffic(
        site, echo_a,
        rewrite={"pattern": "^/v[0-9]+/(.*)", "substitution": r"/in/\1", "hostname": "inner.$host"},
        cookieRewrites=[{"attribute": "Domain", "from": "inner.test", "to": "outer.test"}],
        locationRewrites=[{"from": "http://inner.test/", "to": "https://outer.test/"}],
    )  # fmt: skip
    found = await site.answer("/v1/a/b?c=d")
    assert (found["path"], found["query"], dict(found["headers"])["host"]) == ("/in/a/b", "c=d", f"inner.{site.host}")
    asked = "/?header=location:http://inner.test/x&header=set-cookie:a=b;%20Domain=inner.test"
    reply = await site.get(asked)
    assert reply.headers["location"] == "https://outer.test/x"
    assert reply.headers["set-cookie"] == "a=b; Domain=outer.test"


async def test_requests_that_are_not_logged(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    own.routed(site, own.rule("/loud"), own.rule("/quiet", name="quiet"))
    own.policy(site, "TrafficPolicy", "HTTPRoute web quiet", accessLog={"enabled": False})
    await site.gateway.settled()
    for path in ("/quiet", "/loud"):
        assert (await site.get(path)).status_code == 200
    await eventually(lambda: len(site.gateway.access_log(authority=site.host, path="/loud")) == 1)
    assert site.gateway.access_log(authority=site.host, path="/quiet") == []


# ---------------------------------------------------------------- where it is attached


async def levels(site: Site) -> dict[str, str | None]:
    reply = await site.get("/")
    return {name: reply.headers.get(name) for name in ("x-gateway", "x-listener", "x-route", "x-rule", "x-who")}


def says(level: str) -> dict[str, Any]:
    return {"set": [{"name": f"x-{level}", "value": "1"}, {"name": "x-who", "value": level}]}


async def test_every_place_has_its_say_and_the_nearest_the_last(site: Site, echo_a: Echo) -> None:
    """Policies come and go, and the route follows: Gateway, listener, route, rule."""
    site.backend("web", echo_a.port)
    own.routed(site, own.rule(name="all"))
    said: dict[str, str] = {}
    places = {
        "gateway": "Gateway gw",
        "listener": "Gateway gw web",
        "route": "HTTPRoute web",
        "rule": "HTTPRoute web all",
    }
    for level, target in places.items():
        own.policy(site, "TrafficPolicy", target, level, responseHeaders=says(level))
        said[level] = "1"
        await site.gateway.settled()
        expected = {f"x-{it}": said.get(it) for it in places} | {"x-who": level}
        assert await levels(site) == expected
    site.delete(own.made("TrafficPolicy", "rule", site.namespace))
    await eventually_equal(
        lambda: levels(site), {f"x-{it}": None if it == "rule" else "1" for it in places} | {"x-who": "route"}
    )


async def eventually_equal(ask: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    async def equal() -> bool:
        return bool(await ask() == wanted)

    await eventually(equal)


async def test_on_an_ingress_it_comes_before_annotations(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress(annotations={"nginx.ingress.kubernetes.io/proxy-body-size": "10"})
    await site.gateway.settled()

    async def status() -> int:
        return (await site.gateway.request("POST", site.host, content=b"x" * 20)).status_code

    assert await status() == 413
    own.policy(site, "TrafficPolicy", "Ingress web", maxRequestBodySize=30)
    await site.gateway.settled()
    assert await status() == 200
    site.delete(own.made("TrafficPolicy", "ingress-web", site.namespace))
    await eventually_equal(status, 413)


async def test_the_older_one_holds_and_the_other_is_told(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    own.routed(site)
    for name, created in (("a-younger", "2025-02-01T00:00:00Z"), ("b-older", "2025-01-01T00:00:00Z")):
        target = {"group": own.GATEWAY_API, "kind": "HTTPRoute", "name": "web"}
        headers = {"set": [{"name": "x-who", "value": name}]}
        one = own.made("TrafficPolicy", name, site.namespace, targetRefs=[target], responseHeaders=headers)
        one["metadata"]["creationTimestamp"] = created
        site.apply(one)
    await site.gateway.settled()
    assert (await site.get("/")).headers["x-who"] == "b-older"
    told = [it for it in site.gateway.problems() if f"{site.namespace}/a-younger" in it]
    assert len(told) == 1
    assert "Conflicted" in told[0]


async def test_what_is_wrong_hurts_nobody_else(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    own.routed(site)
    own.policy(site, "TrafficPolicy", rewrite={"pattern": "("}, maxRequestBodySize=1)
    own.policy(site, "TrafficPolicy", "Gateway gw", responseHeaders={"set": [{"name": "x-gateway", "value": "1"}]})
    await site.gateway.settled()
    reply: httpx.Response = await site.gateway.request("POST", site.host, content=b"xx")
    assert (reply.status_code, reply.headers["x-gateway"]) == (200, "1")
    assert [it for it in site.gateway.problems() if f"{site.namespace}/httproute-web" in it and "Invalid" in it]
