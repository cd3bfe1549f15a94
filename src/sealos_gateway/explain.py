"""Why a URL is answered as it is: which host, object, rule, backend and endpoints, and why the others are not.

Reads the tables of a settled pipeline and returns values; printing is the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

import msgspec

from sealos_gateway import explain_certificates as certificates
from sealos_gateway.model.gateway_listener import GatewayListener
from sealos_gateway.model.keys import BackendKey, HostKey
from sealos_gateway.model.request import Request, matches
from sealos_gateway.model.traffic import NO_CONDITIONS, Forward, Redirect, Respond, Route, Split, VirtualHost
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.provision import names
from sealos_gateway.resources.annotations.general import INGRESS_CLASS
from sealos_gateway.resources.annotations.traffic import SSL_REDIRECT
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import hosts
from sealos_gateway.translate.gateway_api.places import plane_of
from sealos_gateway.translate.policies.attached import Place
from sealos_gateway.wiring import GATEWAY

_REDIRECT = f"308 redirect to https (the host has TLS; annotation {SSL_REDIRECT.name})"


class Candidate(msgspec.Struct, frozen=True):
    """One route of the host and whether it answers; `why` in words."""

    object: str
    match: str
    chosen: bool
    why: str


class Explanation(msgspec.Struct, frozen=True):
    """The answer, from the request to the endpoints. Empty strings stand for 'not applicable'.

    `endpoints` are those that Envoys know; `held_back` those they will hear of later (`sealos.io/eds-cache-ttl`).
    """

    url: str
    host: str = ""
    host_why: str = ""
    certificate: str = ""
    answer: str = ""
    object: str = ""
    backend: str = ""
    endpoints: tuple[str, ...] = ()
    held_back: tuple[str, ...] = ()
    #: Our policies that hold there, the most specific place first, and those of the backends.
    policies: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    others: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class UrlError(ValueError):
    """The text is no URL that could be explained."""


def explain(
    url: str, pipeline: Pipeline, method: str = "GET", headers: tuple[tuple[str, str], ...] = ()
) -> Explanation:
    """What would answer a request to `url`. Raises UrlError. Names of headers are in lower case."""
    scheme, name, port, path, query = _parse(url, pipeline)
    request = Request(path, method, _authority(name, port), query, headers)
    row, why = _host(name, scheme, port, pipeline)
    certificate = _certificate(name, row, pipeline) if scheme == "https" else ""
    others = (*_others(name, pipeline), *certificates.refused(name, port or _usual_port(scheme), pipeline))
    if row is None and (handed_on := _connection(url, name, scheme, port, pipeline)):
        return msgspec.structs.replace(handed_on, others=others)
    if row is None:
        return Explanation(url, host_why=why, certificate=certificate, answer="404, empty body", others=others)
    chosen = _chosen(row, request)
    problems = tuple(str(problem) for problem in row.problems)
    found = Explanation(
        url, row.key.host, why, certificate, "404, empty body: no path of the host matches",
        candidates=_candidates(row, chosen, request), others=others, problems=problems,
    )  # fmt: skip
    if chosen is None and scheme == "http" and row.routes and all(route.https_only for route in row.routes):
        return msgspec.structs.replace(found, answer=_REDIRECT)
    if chosen is None:
        return found
    told = _policies(chosen, row.key, pipeline)
    problems += tuple(str(it) for it in pipeline.problems() if it.origin == chosen.origin)
    return msgspec.structs.replace(
        found, object=str(chosen.origin), policies=told, problems=problems, **_answer(chosen, scheme, pipeline)
    )


def _policies(route: Route, host: HostKey, pipeline: Pipeline) -> tuple[str, ...]:
    """Our policies at the object of a route, at the listeners that it comes in by, and at its Services."""
    places = [Place(route.origin), *pipeline.routes.listeners_of(route.origin, host)]
    places += [Place(Origin("Service", Ref(key.namespace, key.service))) for key in route.backends]
    return pipeline.own_policies.told(places)


def route(url: str, pipeline: Pipeline, method: str = "GET", headers: tuple[tuple[str, str], ...] = ()) -> Route | None:
    """The route that `explain` finds; None where no route answers. Raises UrlError."""
    scheme, name, port, path, query = _parse(url, pipeline)
    row, _ = _host(name, scheme, port, pipeline)
    request = Request(path, method, _authority(name, port), query, headers)
    return _chosen(row, request) if row else None


def _parse(url: str, pipeline: Pipeline) -> tuple[str, str, int | None, str, str]:
    """Scheme, host, port where one is written, path, query."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        raise UrlError(f"{url!r} is not a URL; write https://shop.example.com/path")
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    path = parts.path or "/"
    if pipeline.settings.http.normalize_path:
        path = _without_dots(path)
    if pipeline.settings.http.merge_slashes:
        path = re.sub("/+", "/", path)
    return scheme, parts.hostname.lower().rstrip("."), _port(parts), path, parts.query


def _authority(name: str, port: int | None) -> str:
    """What clients write into the Host header for such a URL."""
    return name if port is None else f"{name}:{port}"


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:  # no number, or no port: it does not decide anything
        return None


def _usual_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4; adjacent slashes stay, as in Envoy."""
    kept: list[str] = []
    segments = re.sub("%2e", ".", path, flags=re.IGNORECASE).split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join([*kept, ""] if segments[-1] in (".", "..") and kept else kept)


def _host(name: str, scheme: str, port: int | None, pipeline: Pipeline) -> tuple[VirtualHost | None, str]:
    """The most specific host: its own name, a wildcard above it, any host. A port that is written and is that of a
    Gateway is meant; without one the hosts of Ingresses come first, whatever ports a load balancer shows them under."""
    wanted = port or _usual_port(scheme)
    listeners = [row for row in pipeline.routes.listeners.rows.values() if row.port == wanted and not row.udp]
    places = [(it.place, f", on port {it.port} of {_owner(it)}") for it in listeners]
    for gateway, where in places if port and places else [(GATEWAY, ""), *places]:
        for host, why in _names(name, deep=gateway != GATEWAY):
            if row := pipeline.host(HostKey(gateway, host)):
                return row, f"{why}{where}"
    nobody = "no Ingress and no route" if pipeline.routes.listeners.rows else "no Ingress"
    who = f"no route on port {port} of {_owner(listeners[0])}" if port and listeners else nobody
    return None, f"{who} claims {name}, *.{name.partition('.')[2]} or any host"


def _connection(url: str, name: str, scheme: str, port: int | None, pipeline: Pipeline) -> Explanation | None:
    """What becomes of a connection that is handed on unread: by server name (TLSRoute), or all of a port (TCPRoute)."""
    wanted = port or _usual_port(scheme)
    for listener in pipeline.routes.listeners.rows.values():
        if listener.port != wanted or listener.udp:
            continue
        found = {it.server_name: it for it in listener.streams}
        patterns = [*(it for it, _ in _names(name, deep=True)), ""] if scheme == "https" else [""]
        pattern = next((it for it in patterns if it in found), None)
        if pattern is None:
            continue
        stream = found[pattern]
        how = "as it is" if stream.tls is None else "after TLS, which ends here"
        shares = ((_named(it.backend, pipeline) if it.backend else "nothing (closed)", it) for it in stream.targets)
        targets = ", ".join(f"{where} x {it.weight}" for where, it in shares)
        return Explanation(
            url, pattern or "any connection", f"on port {wanted} of {_owner(listener)}",
            certificate=certificates.named(pattern, stream.tls.certificates, pipeline) if stream.tls else "",
            answer=f"the connection is handed on {how}" if targets else "the connection is closed: no route has it",
            backend=targets,
        )  # fmt: skip
    return None


def _owner(listener: GatewayListener) -> str:
    plane = plane_of(listener.place)
    return f"Gateway {names.gateway(plane)}" if plane else "the shared Gateways"


def _names(name: str, deep: bool) -> Iterator[tuple[str, str]]:
    """What may stand for a host, the most specific first; wildcards of Ingresses stand for one label only."""
    yield name, "the host itself"
    _, _, parent = name.partition(".")
    yield f"*.{parent}", "the wildcard above it"
    while deep and "." in parent:
        _, _, parent = parent.partition(".")
        yield f"*.{parent}", "a wildcard above it"
    yield "*", "any host"


def _chosen(row: VirtualHost, request: Request) -> Route | None:
    """The first route that takes the request, and does not do so for a share of the requests only."""
    found = [route for route in row.routes if matches(route.match, request)]
    return next((route for route in found if not route.match.conditions.share), found[0] if found else None)


def _candidates(row: VirtualHost, chosen: Route | None, request: Request) -> tuple[Candidate, ...]:
    """Every route in order of precedence, with the reason why it does or does not answer."""

    def why(route: Route) -> str:
        if route is chosen:
            return "matches, and comes first"
        if matches(route.match, request) and route.match.conditions.share:
            return "takes its share, at random; shares include those before them"
        if matches(route.match, request):
            return "matches too, but a path before it is more specific or belongs to an older object"
        return f"does not match {_asked(route, request)}"

    return tuple(Candidate(str(route.origin), str(route.match), route is chosen, why(route)) for route in row.routes)


def _asked(route: Route, request: Request) -> str:
    """What of the request speaks against the route: its path, or all that the route has conditions on."""
    if route.match.conditions == NO_CONDITIONS:
        return request.path
    return f"{request.method} {request.path} with what was sent"


def _answer(route: Route, scheme: str, pipeline: Pipeline) -> dict[str, object]:
    if route.https_only and scheme == "http":
        return {"answer": _REDIRECT}
    match route.action:
        case Respond(status, body):
            return {"answer": f"{status} from the gateway itself: {body or 'empty body'}"}
        case Redirect(code):
            return {"answer": f"{code} redirect from the gateway itself"}
        case Split(targets):
            shares = (f"{_named(t.backend, pipeline)} x {t.weight}" for t in targets)
            return {"answer": "forwarded to one of several backends, by weight", "backend": ", ".join(shares)}
        case Forward(key):
            places = _places(key, pipeline)
            answer = "forwarded" if places else "503 no healthy upstream: the Service has no ready endpoint"
            if (backend := pipeline.backends.get(key)) and backend.shut:
                answer, places = f"503 no healthy upstream: {backend.shut}", ()
            return {
                "answer": answer,
                "backend": _named(key, pipeline),
                "endpoints": places,
                "held_back": _held_back(key, pipeline),
            }


def _places(key: BackendKey, pipeline: Pipeline) -> tuple[str, ...]:
    backend, endpoints = pipeline.backends.get(key), pipeline.published_endpoints(key)
    if backend and backend.dns_name:
        return (f"{backend.dns_name}:{backend.dns_port} (DNS)",)
    return tuple(_place(*endpoint) for endpoint in (endpoints.endpoints if endpoints else ()))


def _held_back(key: BackendKey, pipeline: Pipeline) -> tuple[str, ...]:
    """Endpoints that Envoys will hear of later (`sealos.io/eds-cache-ttl`)."""
    known, newest = pipeline.published_endpoints(key), pipeline.endpoints.get(key)
    held = set(newest.endpoints).difference(known.endpoints) if newest and known else ()
    return tuple(_place(*endpoint) for endpoint in sorted(held))


def _named(key: BackendKey | None, pipeline: Pipeline) -> str:
    if key is None:
        return "nothing (500)"
    backend = pipeline.backends.get(key)
    how = backend.protocol.value if backend else ""
    if backend and backend.tls and backend.tls.verify:
        policy = pipeline.backend_tls.holder(key)
        how += f", verified as {backend.tls.server_name}" + (f" by BackendTLSPolicy {policy}" if policy else "")
    return f"Service {key.namespace}/{key.service} port {key.port} ({how})"


def _place(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _certificate(name: str, row: VirtualHost | None, pipeline: Pipeline) -> str:
    if row is None or row.key.gateway == GATEWAY:
        return certificates.of_ingresses(name, pipeline)
    return certificates.of_place(name, row.key.gateway, pipeline)


def _others(name: str, pipeline: Pipeline) -> tuple[str, ...]:
    """Objects that name the host and yet do not answer. Looks at every Ingress: for people, not for traffic."""
    found = []
    for ref, row in pipeline.ingresses.rows.items():
        if any(hosts.covers(rule.host.lower() or "*", name) for rule in row.spec.rules or ()):
            if pipeline.attachments.get(ref) is None:
                found.append(f"Ingress {ref}: its class {_class(row)!r} is not ours")
            found += [str(problem) for problem in pipeline.ingress_problems.get(ref) or ()]
    for kind in ("HTTPRoute", "GRPCRoute", "TLSRoute"):
        for ref, row in pipeline.routes.routes[kind].rows.items():
            if any(hosts.covers(host.lower(), name) for host in row.spec.hostnames):
                found += _unattached(Origin(kind, ref), pipeline)
    return tuple(found)


def _unattached(origin: Origin, pipeline: Pipeline) -> list[str]:
    """Why a route that names the host serves it nowhere."""
    attached = pipeline.routes.attached[origin.kind].get(origin.ref)
    if attached is None:
        told = [str(it) for it in pipeline.problems() if it.origin == origin]
        return told or [f"{origin}: none of its parents is a Gateway of ours"]
    return [f"{origin}: {it.flaw.message}" for it in attached.parents if it.flaw is not None]


def _class(row: Ingress) -> str | None:
    return row.metadata.annotation(INGRESS_CLASS.name) or row.spec.ingress_class_name
