"""No value of any annotation makes a configuration that Envoy refuses: what is odd is told, and left out.

Every annotation of Ingresses, with values that mean something elsewhere and with arbitrary text, is translated as a
whole; a real Envoy is asked to validate the routes and clusters that come of it.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from unittest import mock

import msgspec
import pytest
from google.protobuf import json_format

from sealos_gateway.envoy import api, bootstrap, listeners, routes, upstreams
from sealos_gateway.model.traffic import Listener
from sealos_gateway.node.supervisor import packaged_binary
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.annotations import every
from sealos_gateway.resources.core import ServicePort
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.settings import Settings
from tests import objects

#: What annotations of a family (by how they begin) need beside them to have an effect at all.
BESIDE = {
    "cors": {"enable-cors": "true"},
    "session-cookie": {"affinity": "cookie"},
    "affinity": {"affinity": "cookie"},
    "mirror": {"mirror-target-service": "api"},
    "default-backend": {"custom-http-errors": "404"},
    "custom-http-errors": {"default-backend": "api"},
    "auth": {"auth-url": "http://api.shop.svc.cluster.local/check", "auth-cache-key": "$host"},
    "proxy-redirect": {"proxy-redirect-from": "/a", "proxy-redirect-to": "/b"},
    "health-check": {"health-check-path": "/live"},
    "proxy-ssl": {"backend-protocol": "HTTPS", "proxy-ssl-server-name": "on"},
    "x-forwarded-prefix": {"rewrite-target": "/$1"},
    "temporal": {"temporal-redirect": "/a"},
    "permanent": {"permanent-redirect": "/a"},
}
HOSTILE = (
    "", " ", "/", "*", "a", "/a", "/a b", "/\r\nset-cookie: a=1", "a\x00b", "/a\x00", "x\x7f", "\ttab", "é", "/é",
    "a\u2028b", "\ufeff/a", "\ud800", "%", "%REQ(x", "/%REQ(x)%", "$", "$host", "/$1", "${", "\\", "/\\1\\9", '"',
    "'", "{}", "[", "(", "(?i", "a{1001}", "-1", "0", "1", "99999999999999999999", "1e9", "true", "false", "on",
    "off", "none", "a=b; c", "; Path=/x", "x" * 300, "/" + "x" * 9000, "http://", "http://[::1/",
    "http://a.test:99999/", "https://a.test/b?c#d", "//a.test", "a.test:80", "A.TEST", "a..b", ".a", "a.", "_a", "-a",
    "a/b", "a/b/c", "x-a: b", "X-A b\nX-B c", "x-a\x0bb", ":path /x", "host a", "content-length 1", "10.0.0.0/8",
    "::/0", "1/1", "CN=(", "CN=a", "TLSv1.2", "200 5m", "any 1s", "GET", "CONNECT", "Strict", "return 200 'a\x01';",
    "add_header X 'a\x00b';", "if ($http_a = 'b\x00') { return 403; }", "proxy_set_header X $http_\x01;",
    "return 301 https://a.test/\x7f;", "rewrite ^/(.*) /\x02$1 break;",
)  # fmt: skip

NGINX = "nginx.ingress.kubernetes.io/"


def names() -> list[str]:
    """Every annotation of Ingresses by the spelling that people know, names at the end filled in."""
    return [it.name.replace("*", "x-a") for it in every.ALL if it.kind == "Ingress"]


def ingresses(values: Iterable[tuple[str, str]]) -> Iterator[Ingress]:
    for number, (name, value) in enumerate(values):
        short = name.partition("/")[2]
        said = {
            f"{NGINX}{other}": text
            for start, more in BESIDE.items()
            if short.startswith(start)
            for other, text in more.items()
        }
        said[name] = value
        host = f"h{number}.example.com"
        yield objects.ingress(f"i{number}", objects.rule(host, objects.path("/(.*)")), annotations=said)
        if "canary" in name:
            also = {f"{NGINX}canary": "true", f"{NGINX}canary-by-header": "x-c", **said}
            yield objects.ingress(f"c{number}", objects.rule(host, objects.path("/(.*)", "api")), annotations=also)


def refusal(folder: Path, made: Pipeline) -> str:
    """What Envoy says against the routes and clusters of a pipeline; empty when it takes all of them."""
    message = json_format.Parse(
        bootstrap.bootstrap(bootstrap.Options("t", str(folder / "xds"), str(folder / "admin"))),
        api.bootstrap.Bootstrap(),
    )
    message.dynamic_resources.ClearField("lds_config")
    message.dynamic_resources.ClearField("cds_config")
    row = Listener("http", "ingress", "127.0.0.1", 1)
    manager = listeners.connection_manager(row, listeners.Options())
    manager.ClearField("scoped_routes")
    manager.route_config.name = "all"
    for key in sorted(made.host_keys()):
        host = made.host(key)
        assert host is not None
        for one in routes.route_configuration(host, made.context).virtual_hosts:
            one.name, one.domains[:] = key.host, [key.host]
            manager.route_config.virtual_hosts.append(one)
    listener = message.static_resources.listeners.add(name="http", address=api.socket_address("127.0.0.1", 1))
    listener.filter_chains.add().filters.add(name="http", typed_config=api.pack(manager))
    message.static_resources.clusters.extend(
        upstreams.cluster(made.backends.rows[key], made.domain) for key in sorted(made.backends.rows, key=str)
    )
    config = folder / "envoy.json"
    config.write_text(json_format.MessageToJson(message))
    command = [os.fspath(packaged_binary()), "--mode", "validate", "-c", str(config), "--use-dynamic-base-id"]
    command += ["-l", "error", "--concurrency", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return "" if done.returncode == 0 else done.stderr[-600:] or f"status {done.returncode}"


def pipeline(values: Iterable[tuple[str, str]]) -> Pipeline:
    services = [objects.service(name, ServicePort(80)) for name in ("web", "api")]
    made = objects.pipeline(*services, *ingresses(values), settings=Settings())
    assert not made.graph.failures
    return made


@pytest.mark.timeout(240)
def test_envoy_takes_what_comes_of_any_value(tmp_path: Path) -> None:
    chance = random.Random(7)
    alphabet = "ab/ \n\r\t\x00\x1f\x7f$%\\\"'(){}[];:,=*?#.-_0é\u2028\U0001f600"
    arbitrary = ["".join(chance.choices(alphabet, k=chance.randrange(1, 12))) for _ in range(12)]
    values = [(name, value) for name in names() for value in (*HOSTILE, *arbitrary, *("/" + it for it in arbitrary))]
    said = refusal(tmp_path, pipeline(values))
    if not said:
        return
    # Which one it was: halves, until one is left.
    while len(values) > 1:
        half = values[: len(values) // 2]
        values = half if refusal(tmp_path, pipeline(half)) else values[len(values) // 2 :]
    pytest.fail(f"{json.dumps(values)}: {refusal(tmp_path, pipeline(values)) or said}")


def test_a_refusal_would_be_seen(tmp_path: Path) -> None:
    made = pipeline([("nginx.ingress.kubernetes.io/app-root", "/a")])
    (key,) = made.host_keys()
    host = made.host(key)
    assert host is not None
    text = "/a\r\nb"
    redirect = msgspec.structs.replace(host.routes[0].action, path=text)
    first = msgspec.structs.replace(host.routes[0], action=redirect)
    with mock.patch.object(made, "host", return_value=msgspec.structs.replace(host, routes=(first,))):
        assert "validation" in refusal(tmp_path, made).lower()
