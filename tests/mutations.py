"""Valid objects of the Gateway API, and random mutations of them: what a user, a tool or an attacker may write.

An API server refuses most of it by its schema; a folder does not, and a server may have definitions of another version.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
API = "gateway.networking.k8s.io/v1"
SPACE = "shop"
#: Values that fit nowhere, or only just.
ODD: tuple[Any, ...] = (
    None, "", " ", "/", "*", "*.", ".", "a..b", "-", "☃", "x" * 300, "a b", "a\nb", "a\0b", "%", "%zz", "(", "[a",
    "a{1,", "\\", "{", "%REQ(x)%", "../..", "//", "/a?b#c", "host:80", "1.2.3.4", "[::1]", "*.*.com", "A.EXAMPLE.COM",
    "10s", "-1s", "1h1h", "99999999h", "0s", "1e9s", ":authority", "host", "connection", "x-ok", "HTTP", "HTTPS", "TLS",
    "TCP", "UDP", "Exact", "RegularExpression", "All", "Same", "None", "Selector", "Terminate", "Passthrough",
    "Service", "Gateway", "Secret", "web", -1, 0, 1, 65535, 65536, 99, 199, 200, 301, 599, 600, 2**31, 2**63 - 1, 2**64,
    0.5, True, False, [], {}, [None], [[]], [{}], {"": ""}, {"name": "web"}, ["a", "a"],
)  # fmt: skip


def of(kind: str, name: str, spec: Object, namespace: str = SPACE, version: str = API) -> Object:
    metadata = {"name": name, "generation": 1, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def routed(kind: str, name: str, gateway: str, section: str, rules: list[Object], *hosts: str) -> Object:
    named = {"hostnames": list(hosts)} if hosts else {}
    return of(kind, name, {"parentRefs": [{"name": gateway, "sectionName": section}], **named, "rules": rules})


def backends(*names: str, port: int = 80) -> list[Object]:
    return [{"name": name, "port": port, "weight": 1} for name in names]


def world(port: int) -> list[Object]:
    """What stays as it is: the class, a Gateway `good` on a port, and its route `good.test` to Service `web`."""
    gateway_class = of("GatewayClass", "sealos", {"controllerName": "sealos.io/gateway-controller"}, "")
    listeners = [{"name": "http", "port": port, "protocol": "HTTP"}]
    gateway = of("Gateway", "good", {"gatewayClassName": "sealos", "listeners": listeners})
    return [
        gateway_class,
        gateway,
        routed("HTTPRoute", "good", "good", "http", [{"backendRefs": backends("web")}], "good.test"),
    ]


def subjects(*ports: int) -> list[Object]:
    """One valid object or more of each kind that users write, all on Gateway `odd` with these five ports."""
    everything = yaml.safe_load_all((Path(__file__).parent / "resources" / "gateway_api.yaml").read_text("utf-8"))
    full = {it["kind"]: it["spec"] for it in everything}
    http = {**full["HTTPRoute"], "parentRefs": [{"name": "odd", "sectionName": "http"}]}
    grpc = {**full["GRPCRoute"], "parentRefs": [{"name": "odd", "sectionName": "http"}]}
    tls = {"certificateRefs": [{"name": "cert"}]}
    everyone = {"allowedListeners": {"namespaces": {"from": "All"}}}
    filters: list[Object] = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-a", "value": "1"}]}},
        {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/b"}}},
        {"type": "CORS", "cors": {"allowOrigins": ["https://*.example.com"], "allowMethods": ["GET"], "maxAge": 5}},
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "web", "port": 80}, "percent": 10}},
    ]
    rule: Object = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/a"}, "method": "GET"},
                    {"headers": [{"type": "RegularExpression", "name": "x-h", "value": "a+"}]}],
        "filters": filters, "backendRefs": backends("web", "missing"),
        "timeouts": {"request": "10s", "backendRequest": "2s"},
        "retry": {"codes": [503], "attempts": 2, "backoff": "100ms"},
    }  # fmt: skip
    redirect: Object = {
        "type": "RequestRedirect",
        "requestRedirect": {"scheme": "https", "statusCode": 301, "hostname": "b.test"},
    }
    through, ended = {"mode": "Passthrough"}, {**tls, "mode": "Terminate"}
    targets = [{"group": "", "kind": "Service", "name": "tls"}]
    call = {"method": {"type": "Exact", "service": "s", "method": "m"}}
    validation = {"hostname": "web.test", "wellKnownCACertificates": "System"}
    listeners: list[Object] = [
        {"name": "http", "port": ports[0], "protocol": "HTTP"},
        {"name": "https", "port": ports[1], "protocol": "HTTPS", "hostname": "*.odd.test", "tls": tls},
        {"name": "through", "port": ports[2], "protocol": "TLS", "hostname": "*.t.test", "tls": through},
        {"name": "ended", "port": ports[2], "protocol": "TLS", "hostname": "e.test", "tls": ended},
        {"name": "tcp", "port": ports[3], "protocol": "TCP"},
        {"name": "udp", "port": ports[4], "protocol": "UDP"},
    ]  # fmt: skip
    return [
        of("Gateway", "odd", {"gatewayClassName": "sealos", "listeners": listeners, **everyone}),
        of("ListenerSet", "odd", {"parentRef": {"name": "odd"}, "listeners": [
            {"name": "more", "port": ports[0], "protocol": "HTTP", "hostname": "set.test"},
            {"name": "tls", "port": ports[1], "protocol": "HTTPS", "hostname": "s.odd.test", "tls": tls},
        ]}),
        routed("HTTPRoute", "odd", "odd", "http", [rule], "odd.test", "*.wild.test"),
        routed("HTTPRoute", "moved", "odd", "https", [{"filters": [redirect]}], "m.odd.test"),
        of("HTTPRoute", "full", http),
        routed("GRPCRoute", "odd", "odd", "http", [{"matches": [call], "backendRefs": backends("web")}], "grpc.test"),
        of("GRPCRoute", "full", grpc),
        routed("TLSRoute", "odd", "odd", "through", [{"backendRefs": backends("web")}], "a.t.test"),
        routed("TCPRoute", "odd", "odd", "tcp", [{"backendRefs": backends("web", "missing")}]),
        routed("UDPRoute", "odd", "odd", "udp", [{"backendRefs": backends("web")}]),
        of("ReferenceGrant", "odd", full["ReferenceGrant"]),
        of("BackendTLSPolicy", "odd", {"targetRefs": targets, "validation": validation}),
        of("BackendTLSPolicy", "full", full["BackendTLSPolicy"]),
    ]  # fmt: skip


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every entry of every object and list below: its holder, and its key or number."""
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in entries:
        yield node, key
        yield from _places(value)


def mutated(one: Object, chance: random.Random) -> Object:
    """Up to four changes somewhere in its spec: an entry goes, comes twice, or is another, odd or from elsewhere."""
    made = copy.deepcopy(one)
    for _ in range(chance.randint(1, 4)):
        found = list(_places(made["spec"]))
        if not found:
            break
        holder, key = chance.choice(found)
        how = chance.randrange(6)
        if how == 0:
            del holder[key]
        elif how == 1 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif how == 2:
            twins = [it for it in found if type(it[0][it[1]]) is type(holder[key])]
            other, elsewhere = chance.choice(twins)
            holder[key] = copy.deepcopy(other[elsewhere])
        else:
            # Mostly of the same type: what is of another is refused before anybody looks at its meaning.
            alike = [it for it in ODD if type(it) is type(holder[key])] if chance.randrange(8) else ()
            holder[key] = copy.deepcopy(chance.choice(alike or ODD))
    return made
