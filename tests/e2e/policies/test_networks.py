"""Networks that may pass: nobody gets in by what he says of himself."""

from __future__ import annotations

import pytest

from tests.e2e import manifests, wire
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway
from tests.e2e.harness import Gateway

NGINX = "nginx.ingress.kubernetes.io/"
INSIDE = "10.1.2.3"
LIES = (
    [f"X-Forwarded-For: {INSIDE}"],
    [f"X-Forwarded-For: {INSIDE}, {INSIDE}"],
    [f"X-Forwarded-For: {INSIDE}", f"X-Forwarded-For: {INSIDE}"],
    [f"X-Real-IP: {INSIDE}"],
    [f"Forwarded: for={INSIDE}"],
    [f"X-Envoy-External-Address: {INSIDE}"],
    [f"True-Client-IP: {INSIDE}", f"CF-Connecting-IP: {INSIDE}", f"X-Client-IP: {INSIDE}"],
    ["X-Envoy-Internal: true"],
    ["X-Sealos-Scope: ingress|open.test"],
    ["X-Original-URL: /open", "X-Rewrite-URL: /open"],
)


def gateway(new_gateway: NewGateway, echo: Echo, hops: int) -> Gateway:
    allow = {f"{NGINX}allowlist-source-range": "10.0.0.0/8"}
    paths = [manifests.path("/", "web:80"), manifests.path("/open", "web:80")]
    return new_gateway(
        manifests.service("web", "shop"),
        manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo.port}),
        manifests.ingress("closed", "shop", {"closed.test": paths}, annotations=allow),
        manifests.ingress("open", "shop", {"open.test": "web:80"}),
        settings={"http": {"trusted_hops": hops}, "lazy": {"threshold": 0}},
    ).start()


@pytest.mark.parametrize("target", ["/", "//open", "/open/../x", "http://open.test/"])
async def test_without_trusted_proxies_nothing_counts_but_the_connection(
    new_gateway: NewGateway, echo_a: Echo, target: str
) -> None:
    made = gateway(new_gateway, echo_a, 0)
    for lines in LIES:
        for host in ("closed.test", "CLOSED.test:80"):
            if target.startswith("http:"):  # the host of an absolute target wins over Host (RFC 9112, 3.2.2)
                assert (await wire.exchange(made.http_port, wire.request(target, host, *lines))).status == 200
            else:
                assert (await wire.exchange(made.http_port, wire.request(target, host, *lines))).status == 403, lines
    aimed = wire.request("http://closed.test/", "open.test")
    assert (await wire.exchange(made.http_port, aimed)).status == 403


async def test_behind_a_proxy_its_word_counts_and_no_other(new_gateway: NewGateway, echo_a: Echo) -> None:
    made = gateway(new_gateway, echo_a, 1)
    told = {f"X-Forwarded-For: {INSIDE}": 200, f"X-Forwarded-For: {INSIDE}, 203.0.113.9": 403,
            f"X-Forwarded-For: 203.0.113.9, {INSIDE}": 200, f"X-Real-IP: {INSIDE}": 403}  # fmt: skip
    for line, status in told.items():
        assert (await wire.exchange(made.http_port, wire.request("/", "closed.test", line))).status == status, line
