"""The Host header: backends read what the client wrote, port and all; what stands there finds nobody else."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.harness import Gateway
from tests.e2e.wire import Reply, exchange, request

BOTH = pytest.mark.parametrize("http2", [False, True], ids=["http/1.1", "h2c"])
NGINX = "nginx.ingress.kubernetes.io/"
ONE, WILD = "one.hosts.test", "*.hosts.test"
WRITTEN = [ONE, f"{ONE}:80", f"{ONE}:30080", "One.Hosts.test", "ONE.hosts.test:1", f"{ONE}.", f"{ONE}.:8080", f"{ONE}:"]
OTHERS = [
    "a.hosts.test",
    "a.hosts.test:81",
    "A.Hosts.Test:81",
    "a.hosts.test.",
    "b.other.test:8080",
    "[::1]",
    "[::1]:80",
]


@pytest.fixture(scope="module")
def gateway(echoes: tuple[Echo, Echo], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """`one.hosts.test` leads to echo-a, `*.hosts.test` and any other host to echo-b; `/old` is redirected."""
    folder: Path = tmp_path_factory.mktemp("gw")
    told = {f"{NGINX}configuration-snippet": 'more_set_input_headers "X-Name: $host" "X-Written: $http_host";'}
    told[f"{NGINX}server-snippet"] = (
        "if ($uri = /old) { return 301 https://$host/new; } if ($uri = /kept) { return 302 http://$http_host/new; }"
    )
    objects = []
    for name, echo, hosts in (("a", echoes[0], (ONE,)), ("b", echoes[1], (WILD, ""))):
        objects += [
            manifests.service(name, "shop", manifests.port()),
            manifests.endpoint_slice(name, "shop", ["127.0.0.1"], {"http": echo.port}),
            manifests.ingress(name, "shop", dict.fromkeys(hosts, f"{name}:80"), annotations=told),
        ]
    made = Gateway(folder, objects)
    try:
        yield made.start()
    finally:
        made.stop()


async def ask(gateway: Gateway, host: str, path: str = "/") -> Reply:
    return await exchange(gateway.http_port, request(path, host, "Connection: close"))


@BOTH
@pytest.mark.parametrize("host", [*WRITTEN, *OTHERS])
async def test_a_backend_reads_the_host_as_it_was_written(gateway: Gateway, host: str, http2: bool) -> None:
    """Cold, then warm. `$host` is the name alone, in lower case, also where only the request says which."""
    for _ in range(2):
        reply = await gateway.get(host, "/", http2=http2)
        assert reply.status_code == 200, reply.text
        said = reply.json()
        found = {name.lower(): value for name, value in said["headers"]}
        assert said["name"] == ("echo-a" if host in WRITTEN else "echo-b")
        assert found["host"] == found["x-written"] == found["x-forwarded-host"] == host
        assert found["x-name"] == re.sub(r":\d*$", "", host).rstrip(".").lower()


@pytest.mark.parametrize("host", [*WRITTEN, *OTHERS])
async def test_a_redirect_to_the_same_host_leaves_the_port_out(gateway: Gateway, host: str) -> None:
    for _ in range(2):
        name = re.sub(r":\d*$", "", host).rstrip(".").lower()
        assert (await ask(gateway, host, "/old")).headers["location"] == f"https://{name}/new"
        assert (await ask(gateway, host, "/kept")).headers["location"] == f"http://{host}/new"


@pytest.mark.parametrize("name", [ONE, "a.hosts.test"])
async def test_a_redirect_to_https_goes_to_its_port(site: Site, echo_a: Echo, name: str) -> None:
    """Whatever port the plain request named."""
    site.backend("web", echo_a.port)
    host = site.host if name == ONE else f"*.{site.host}"
    site.ingress(host=host, tls=[{"hosts": [host]}], annotations={f"{NGINX}force-ssl-redirect": "true"})
    await site.gateway.settled()
    asked = host.replace("*", "a")
    for written in (asked, f"{asked}:30080", f"{asked.upper()}:{site.gateway.http_port}"):
        reply = await ask(site.gateway, written, "/x?y=z")
        assert reply.status == 308
        assert reply.headers["location"] == f"https://{asked}:{site.gateway.https_port}/x?y=z"


def owner(host: str) -> str | None:
    """Whose the host is, by the plainest parser there is: RFC 3986, 3.2.2 and 3.2.3. None: it is no host at all."""
    found = re.fullmatch(r"([A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?", host)
    if found is None:
        return None
    name = found[1].lower().removesuffix(".")
    return "echo-a" if name == ONE else "echo-b"


PIECES = (
    f"{ONE} one .hosts.test a.hosts.test ONE.HOSTS.TEST : :80 :: :x @ user@ [ ] [::1] | ingress| ingress|{ONE} * *. . "
    ".. - _ % %2e , ; 80 0 / \\ ' = &"
).split()


async def test_no_odd_host_reaches_whom_a_plain_parser_would_not_find(gateway: Gateway) -> None:
    """What is no host is refused, whatever of it would be one."""
    dice = random.Random(36)
    seen = set()
    for _ in range(400):
        host = "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 4)))
        reply = await ask(gateway, host)
        found = re.search(rb'"name":"(echo-.)"', reply.body)
        answered = found[1].decode() if found else None
        seen.add((answered, reply.status))
        wanted = owner(host)
        if wanted is None:
            assert reply.status == 400, (host, reply)
        else:
            assert answered == wanted, (host, reply)
    assert {("echo-a", 200), ("echo-b", 200), (None, 400)} <= seen


@pytest.mark.parametrize("lines", [(f"Host: {ONE}",), ("Host: other.test",), (f"Host: {ONE}:80", "Host: x")])
async def test_two_hosts_are_none(gateway: Gateway, lines: tuple[str, ...]) -> None:
    for first in (ONE, f"{ONE}:80", "a.hosts.test"):
        reply = await exchange(gateway.http_port, request("/", first, *lines))
        assert reply.status == 400


@BOTH
@pytest.mark.parametrize(
    "odd", [f"{ONE}:80,b", f"{ONE}:80@b.test", f"{ONE}:x", f"{ONE}:80:80", "a.hosts.test:1,b", "*"]
)
async def test_what_is_no_host_is_refused(gateway: Gateway, odd: str, http2: bool) -> None:
    """Also where the part before a colon is a host, whose routes are found by it."""
    for _ in range(2):
        if http2 and "@" in odd:  # no HTTP/2: the connection ends
            with pytest.raises(httpx.TransportError):
                await gateway.get(odd, "/", http2=True)
        else:
            assert (await gateway.get(odd, "/", http2=http2)).status_code == 400
        assert (await gateway.get(ONE, "/", http2=http2)).status_code == 200


async def test_a_route_with_a_program_of_its_own_refuses_it_too(site: Site, echo_a: Echo) -> None:
    """What a route names in the access filter replaces the check that stands for all."""
    site.backend("web", echo_a.port)
    digest = base64.b64encode(hashlib.sha1(b"password").digest()).decode()
    meta, users = manifests.meta("users", site.namespace), {"auth": f"joe:{{SHA}}{digest}\n"}
    site.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": users})
    told = {f"{NGINX}auth-type": "basic", f"{NGINX}auth-secret": "users", f"{NGINX}limit-connections": "9"}
    site.ingress(annotations=told)
    await site.gateway.settled()
    knows = "Authorization: Basic am9lOnBhc3N3b3Jk"
    for host, status in (
        (site.host, 200),
        (f"{site.host}:80", 200),
        (f"{site.host}:80,b", 400),
        (f"{site.host}:@b", 400),
    ):
        reply = await exchange(site.gateway.http_port, request("/", host, knows, "Connection: close"))
        assert reply.status == status, host
