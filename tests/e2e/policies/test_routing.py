"""Where requests go, as annotations say it: rewriting, patterns, redirects, further hosts."""

from __future__ import annotations

import pytest

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.harness import eventually

NGINX = "nginx.ingress.kubernetes.io/"


def said(**annotations: str) -> dict[str, str]:
    return {NGINX + name.replace("_", "-"): value for name, value in annotations.items()}


async def location(site: Site, path: str = "/", **options: str) -> tuple[int, str]:
    reply = await site.get(path, **options)
    return reply.status_code, reply.headers.get("location", "")


async def test_a_rewrite_as_sealos_writes_it(site: Site, echo_a: Echo) -> None:
    """The app store has `path: /()(.*)` of type Prefix and `/$2`; what is rewritten keeps its query."""
    site.backend("web", echo_a.port)
    site.ingress([manifests.path("/()(.*)", "web:80")], annotations=said(rewrite_target="/$2"))
    site.ingress([manifests.path("/api(/|$)(.*)", "web:80")], name="api", annotations=said(rewrite_target="/v1/$2"))
    await site.gateway.settled()
    for asked, got in (
        ("/a/b?c=d", "/a/b"),
        ("/api/x?c=d", "/v1/x"),
        ("/api", "/v1/"),
        ("/API/x", "/v1/x"),
        ("/", "/"),
    ):
        answer = await site.answer(asked)
        assert (answer["path"], answer["query"]) == (got, asked.partition("?")[2])


async def test_all_paths_of_a_host_become_patterns(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    site.backend("web", echo_a.port)
    site.backend("api", echo_b.port)
    site.ingress(
        [manifests.path("/v[0-9]+/items", "api:80", "ImplementationSpecific")], annotations=said(use_regex="true")
    )
    site.ingress([manifests.path("/plain", "web:80"), manifests.path("/exact", "web:80", "Exact")], name="plain")
    await site.gateway.settled()
    assert (await site.answer("/V2/items/7"))["name"] == "echo-b"
    assert (await site.get("/vx/items")).status_code == 404
    assert (await site.answer("/PLAIN/x"))["name"] == "echo-a"
    assert (await site.answer("/Exact"))["name"] == "echo-a"
    assert (await site.get("/exact/x")).status_code == 404
    assert (await site.get("/plainer")).status_code == 404


async def test_app_root(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress(annotations=said(app_root="/app"))
    await site.gateway.settled()
    assert await location(site, "/?a=b") == (302, f"http://{site.host}/app")
    assert (await site.answer("/app"))["path"] == "/app"


@pytest.mark.parametrize(
    ("annotations", "wanted"),
    [
        (said(permanent_redirect="https://example.org/new"), (301, "https://example.org/new")),
        (said(permanent_redirect="https://example.org", permanent_redirect_code="308"), (308, "https://example.org")),
        (said(temporal_redirect="https://example.org$request_uri"), (302, "https://example.org/a?b=100%25")),
        (said(temporal_redirect="/t", permanent_redirect="/p"), (302, "/t")),
        ({"higress.io/temporal-redirect": "https://example.org/100%"}, (302, "https://example.org/100%")),
    ],
)
async def test_redirects(site: Site, annotations: dict[str, str], wanted: tuple[int, str]) -> None:
    site.backend("web")
    site.ingress(annotations=annotations)
    await site.gateway.settled()
    assert await location(site, "/a?b=100%25") == wanted


async def test_aliases(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    """An alias answers as the host does, unless somebody has it as a host."""
    site.backend("web", echo_a.port)
    site.backend("api", echo_b.port)
    other, taken = f"other.{site.host}", f"taken.{site.host}"
    site.ingress(annotations=said(server_alias=f"{other}, {taken}"))
    site.ingress("api:80", name="taken", host=taken)
    await site.gateway.settled()
    assert (await site.answer(host=other))["name"] == "echo-a"
    assert (await site.answer(host=taken))["name"] == "echo-b"
    assert [it for it in site.gateway.problems() if "AliasTaken" in it and f"{site.namespace}/web" in it]


async def test_www(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress(annotations=said(from_to_www_redirect="true"))
    site.ingress(name="www", host=f"www.x{site.host}", annotations=said(from_to_www_redirect="true"))
    await site.gateway.settled()
    assert (await site.answer())["name"] == "echo-a"
    assert await location(site, "/a?b=c", host=f"www.{site.host}") == (308, f"http://{site.host}/a?b=c")
    assert await location(site, "/", host=f"x{site.host}") == (308, f"http://www.x{site.host}/")


async def test_host_towards_the_backend(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress([manifests.path("/fixed", "web:80")], annotations=said(upstream_vhost="inner.test"))
    site.ingress(
        [manifests.path("/named", "web:80")], name="named", annotations=said(upstream_vhost="$http_x_tenant.test")
    )
    await site.gateway.settled()

    def host(answer: dict[str, object]) -> str:
        return dict(answer["headers"])["host"]  # type: ignore[call-overload, no-any-return]

    assert host(await site.answer("/fixed")) == "inner.test"
    assert host(await site.answer("/named", headers={"x-tenant": "t1"})) == "t1.test"


async def test_forced_redirect_to_https(site: Site, echo_a: Echo) -> None:
    """Also without TLS of its own; what certificate authorities ask for is answered over plain HTTP."""
    site.backend("web", echo_a.port)
    site.ingress(annotations=said(force_ssl_redirect="true"))
    site.ingress([manifests.path("/.well-known/acme-challenge/token", "web:80", "Exact")], name="challenge",
                 annotations=said(force_ssl_redirect="true"))  # fmt: skip
    await site.gateway.settled()
    code, where = await location(site, "/a/?b")
    assert (code, where) == (308, f"https://{site.host}:{site.gateway.https_port}/a/?b")
    assert (await site.answer("/.well-known/acme-challenge/token"))["name"] == "echo-a"


async def test_a_text_of_a_user_is_never_read_as_something_else(site: Site, echo_a: Echo) -> None:
    """Operators of Envoy and groups of a substitution in what a user wrote mean only themselves."""
    site.backend("web", echo_a.port)
    site.ingress([manifests.path("/a", "web:80")], annotations=said(temporal_redirect="/%REQ(user-agent)%"))
    site.ingress([manifests.path("/b", "web:80")], name="b", annotations=said(rewrite_target="/\\1%25"))
    await site.gateway.settled()
    assert await location(site, "/a") == (302, "/%REQ(user-agent)%")
    assert (await site.answer("/b"))["path"] == "/\\1%25"


async def test_a_pattern_that_is_none_is_told(site: Site) -> None:
    site.ingress([manifests.path("/(?=x)", "web:80")], annotations=said(use_regex="true"))
    await eventually(lambda: any("look-around" in it for it in site.gateway.problems() if site.namespace in it))
