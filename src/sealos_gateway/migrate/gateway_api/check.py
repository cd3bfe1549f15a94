"""Both forms are asked the same requests: what the new objects answer differently is a finding, told or not.

Certificates have no say in which route answers, so listeners of HTTPS are taken as they are after the handshake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urljoin, urlsplit

import msgspec

from sealos_gateway import explain
from sealos_gateway.migrate.findings import Finding, Severity
from sealos_gateway.migrate.gateway_api.objects import Written
from sealos_gateway.migrate.requests import Ask, requests
from sealos_gateway.model.backend_policy import BackendPolicy, BackendTls, Protocol
from sealos_gateway.model.policy import Cors, ErrorPages, HeaderChanges, Policy
from sealos_gateway.model.template import Of, Template
from sealos_gateway.model.traffic import Forward, Match, PathKind, Redirect, Respond, Route, Split
from sealos_gateway.model.upstream import Backend
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.gateways import GatewayClass, GatewayClassSpec
from sealos_gateway.resources.gateway_api.meta import GatewayApiMetadata
from sealos_gateway.wiring import GATEWAY

Answer = dict[str, object]
_SECURE = (Protocol.HTTPS, Protocol.HTTPS2)
#: What both forms refer to.
_SHARED = (kinds.SERVICE, kinds.ENDPOINT_SLICE, kinds.SECRET, kinds.CONFIG_MAP, kinds.NAMESPACE)


def pipeline(old: Pipeline, objects: Iterable[Written], class_name: str) -> Pipeline:
    """A settled pipeline with the new objects instead of the Ingresses."""
    made = Pipeline(old.settings)
    for kind in _SHARED:
        for ref, row in old.by_kind[kind].rows.items():
            made.put(kind, ref, row)
    controller = GatewayClassSpec(old.settings.gateway_api.controller)
    row = GatewayClass(metadata=GatewayApiMetadata(class_name), spec=controller)
    made.put(kinds.GATEWAY_CLASS, row.ref, row)
    for one in objects:
        kind = kinds.BY_NAME[one["apiVersion"], one["kind"]]
        resource = kinds.from_builtins(kind, _without_tls(one))
        made.put(kind, resource.ref, resource)
    made.settle()
    return made


def _without_tls(one: Written) -> Written:
    if one["kind"] != "ListenerSet":
        return one
    listeners = [
        {name: value for name, value in it.items() if name != "tls"} | {"protocol": "HTTP"}
        if it["protocol"] == "HTTPS"
        else it
        for it in one["spec"]["listeners"]
    ]
    return one | {"spec": one["spec"] | {"listeners": listeners}}


def findings(old: Pipeline, new: Pipeline, objects: Iterable[Written]) -> Iterator[Finding]:
    """For each host and aspect of answers that differ: how many requests, and one of them. Requests over HTTPS are made
    where `objects`, of which `new` was made, have a certificate."""
    sets = (one["spec"]["listeners"] for one in objects if one["kind"] == "ListenerSet")
    secure = {it.get("hostname", "*") for listeners in sets for it in listeners if it["protocol"] == "HTTPS"}
    for key in sorted(key for key in old.hosts.rows if key.gateway == GATEWAY):
        row = old.hosts.get(key)
        if row is None or (row.client_tls is not None and row.client_tls.passthrough is not None):
            continue
        others = (it for other, it in new.gateway_hosts.rows.items() if other.host == key.host and it is not None)
        routes = [route for it in (row, *others) for route in it.routes]
        yield from _of_host(old, new, str(row.origins[0]), [
            ask for ask in requests(key.host, routes) if key.host in secure or not ask.url.startswith("https:")
        ])  # fmt: skip


def _of_host(old: Pipeline, new: Pipeline, origin: str, asks: Iterable[Ask]) -> Iterator[Finding]:
    differ: dict[str, list[tuple[Ask, object, object]]] = {}
    for ask in asks:
        before, after = answer(ask, old), answer(ask, new)
        for aspect in sorted({*before, *after}):
            if before.get(aspect) != after.get(aspect):
                differ.setdefault(aspect, []).append((ask, before.get(aspect), after.get(aspect)))
    for aspect, found in differ.items():
        ask, one, other = min(found, key=lambda it: len(str(it[0])))
        more = f" and {len(found) - 1} requests like it" if len(found) > 1 else ""
        message = f"{ask}{more}: {one or 'nothing'} before, {other or 'nothing'} with the new objects"
        yield Finding(Severity.DIFFERS, f"checked: {aspect}", message, origin)


def answer(ask: Ask, made: Pipeline) -> Answer:
    """What a request comes to, in words that do not depend on the form."""
    route = explain.route(ask.url, made, ask.method, ask.headers)
    url = urlsplit(ask.url)
    if route is None:
        found = explain.explain(ask.url, made, ask.method, ask.headers).answer
        return {"answer": f"308 https://{url.netloc}{url.path}" if found.startswith("308") else "404"}
    if route.https_only and url.scheme == "http":
        return {"answer": _location(Redirect(308, scheme="https"), route.match, ask)}
    match route.action:
        case Redirect():
            return {"answer": _location(route.action, route.match, ask)}
        case Respond(status):
            return {"answer": "no backend" if status in (500, 503) else str(status)}
    return {"answer": "forwarded", **_forwarded(route, ask, made)}


def _forwarded(route: Route, ask: Ask, made: Pipeline) -> Answer:
    policy = route.policy or Policy()
    found: Answer = {"backend": _backends(route, made), "path": _path(route, urlsplit(ask.url).path)}
    for name in Policy.__struct_fields__:
        value = getattr(policy, name)
        if name == "rewrite":
            value = value.host if value is not None else None
        if value != getattr(Policy(), name) and (shown := _plain(value, ask.url.startswith("https:"))):
            found[name] = shown
    return found


def _plain(value: object, https: bool) -> object:
    """Without what says the same in other words, or is told with the rule."""
    match value:
        case Cors():
            return msgspec.structs.replace(value, any_options=False, one_label=False, answer_others=True)
        case ErrorPages():
            return msgspec.structs.replace(value, headers=None)
        case HeaderChanges(changes):
            kept = (it for it in changes if https or not it.secure)
            return sorted(f"{it.action.value} {it.name} {it.value}".strip() for it in kept)
    return value


def _backends(route: Route, made: Pipeline) -> str:
    match route.action:
        case Forward(key):
            shares = {key: 1}
        case Split(targets):
            shares = {it.backend: it.weight for it in targets if it.backend is not None and it.weight}
        case _:
            shares = {}
    total = sum(shares.values()) or 1
    found = []
    for key, weight in shares.items():
        share = f" {weight / total:.4%}" if weight != total else ""
        found.append(f"{key.namespace}/{key.service}:{key.port}{share}{_way(made.backends.get(key), made)}")
    return ", ".join(sorted(found))


def _way(row: Backend | None, made: Pipeline) -> str:
    """How a backend is reached, whoever says it: a route or a policy of the Service."""
    if row is None:
        return ""
    policy, usual = row.policy or BackendPolicy(), BackendPolicy()
    values = {
        name: getattr(policy, name) for name in BackendPolicy.__struct_fields__ if name not in ("protocol", "tls")
    }
    said = {name: value for name, value in values.items() if value != getattr(usual, name)}
    tls = "" if row.protocol not in _SECURE and row.tls is None else f" {_shown(row.tls or BackendTls(), made)}"
    return f" {row.protocol.value}{tls}{f' {said}' if said else ''}{f' shut: {row.shut}' if row.shut else ''}"


def _shown(tls: BackendTls, made: Pipeline) -> BackendTls:
    """A Secret that holds only authorities gives no certificate to show; the name that is asked for is checked."""
    secret = made.secrets.get(tls.certificate) if tls.certificate is not None else None
    certificate = tls.certificate if secret is None or "tls.crt" in secret.keys else None
    names = () if tls.names == (tls.server_name,) else tls.names
    return msgspec.structs.replace(tls, certificate=certificate, names=names)


def _path(route: Route, path: str) -> str:
    """The path that the backend gets."""
    wanted = route.policy.rewrite if route.policy else None
    if wanted is None:
        return path
    if wanted.prefix is not None:
        return _replaced(route.match, path, wanted.prefix)
    if wanted.path is not None:
        return wanted.path
    return f"{wanted.pattern} -> {wanted.substitution}" if wanted.pattern else path


def _replaced(match: Match, path: str, prefix: str) -> str:
    if match.kind is not PathKind.PREFIX:
        return prefix
    rest = path[len(match.path.rstrip("/")) :]
    return f"{prefix.rstrip('/')}{rest}" or "/"


def _location(wanted: Redirect, match: Match, ask: Ask) -> str:
    url = urlsplit(ask.url)
    query = f"?{url.query}" if url.query else ""
    if wanted.location is not None:
        return f"{wanted.code} {urljoin(ask.url, _filled(wanted.location, url.path + query))}"
    scheme = wanted.scheme or url.scheme
    port = f":{wanted.port}" if wanted.port and wanted.port != {"http": 80, "https": 443}.get(scheme) else ""
    path = url.path
    if wanted.path is not None:
        path = wanted.path
    elif wanted.prefix is not None:
        path = _replaced(match, path, wanted.prefix)
    return f"{wanted.code} {scheme}://{wanted.host or url.hostname}{port}{path}{'' if wanted.strip_query else query}"


def _filled(template: Template, path_and_query: str) -> str:
    parts = (
        it if isinstance(it, str) else path_and_query if it.of is Of.PATH_AND_QUERY else f"{{{it}}}"
        for it in template.parts
    )  # fmt: skip
    return "".join(parts)
