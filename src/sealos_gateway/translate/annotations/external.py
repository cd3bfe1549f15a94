"""`auth-url` and what belongs to it: another service decides who may pass."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.backend_policy import BackendPolicy, Protocol
from sealos_gateway.model.header_names import TOKEN, token
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import ExternalAuth, HeaderAction, HeaderChange, HeaderChanges
from sealos_gateway.model.template import Of, Template
from sealos_gateway.resources.annotations import auth
from sealos_gateway.resources.annotations.entry import Annotation
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate import places
from sealos_gateway.translate.annotations import auth_snippet, targets, templates
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.higress import FIXED
from sealos_gateway.translate.annotations.references import reference
from sealos_gateway.translate.annotations.values import Values
from sealos_gateway.translate.world import World

URL = re.compile(r"(https?)://([^/?#\s]+?)(?::([0-9]{1,5}))?([/?][^\s#]*)?", re.IGNORECASE)
HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", re.ASCII)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_TIMES = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
USUAL_CACHE = ((200, 300), (202, 300), (401, 300))
#: What the program in the gateway can fill in before a response is at hand (envoy/policies/access.lua).
FILLED = frozenset(
    {Of.HOST, Of.AUTHORITY, Of.METHOD, Of.SCHEME, Of.PROTOCOL, Of.PATH, Of.PATH_AND_QUERY, Of.ESCAPED_PATH_AND_QUERY,
     Of.QUERY, Of.QUERY_PARAMETER, Of.REQUEST_HEADER, Of.COOKIE, Of.CLIENT_ADDRESS, Of.FORWARDED_FOR, Of.REQUEST_ID}
)  # fmt: skip


class Fault(NamedTuple):
    """Why a service cannot be asked."""

    message: str
    reason: str = "InvalidAnnotation"


def read(values: Values, draft: Draft) -> None:
    """All of `auth-*` about an external service, or the setting `ingress.global_auth` instead."""
    wanted = values
    if not values.has(auth.AUTH_URL):
        if not draft.world.rules.global_auth or values.boolean(auth.ENABLE_GLOBAL_AUTH) is False:
            return
        wanted = values.of_setting("ingress.global_auth", draft.world.rules.global_auth)
    found = _service(wanted, draft)
    if wanted is not values:
        values.take(wanted)
    if found is not None:
        draft.policy["external_auth"] = found


def _service(values: Values, draft: Draft) -> ExternalAuth | None:
    url = values.read(auth.AUTH_URL, URL.fullmatch, "a URL as http://auth.sso.svc.cluster.local/verify")
    if url is None:
        return None
    host = _host(url[2], values, draft)
    backend = service(url[1].lower(), host, int(url[3] or 0), draft.read, draft.world) if host else None
    if isinstance(backend, Fault):
        values.complain(auth.AUTH_URL, *backend)
    rest = url[4] or "/"
    path = _template(auth.AUTH_URL, rest if rest.startswith("/") else f"/{rest}", values)
    if host is None or backend is None or isinstance(backend, Fault) or path is None:
        return None
    key = _optional(auth.AUTH_CACHE_KEY, values)
    headers = (*_config_map(values, draft), *auth_snippet.changes(values, draft, FILLED))
    return ExternalAuth(
        backend,
        host,
        path,
        method=_method(values),
        signin=_signin(values),
        copy_response=_names(values),
        request_headers=HeaderChanges(headers) if headers else None,
        always_set_cookie=values.boolean(auth.AUTH_ALWAYS_SET_COOKIE) or False,
        redirect=_optional(auth.AUTH_REQUEST_REDIRECT, values),
        cache_key=key,
        cache=(_durations(values) or USUAL_CACHE) if key else (),
    )


def _host(text: str, values: Values, draft: Draft) -> str | None:
    """A name, or `$host` where the Ingress has only one."""
    if text in ("$host", "${host}", "$http_host"):
        hosts = {rule.host.lower() for rule in draft.ingress.spec.rules or ()}
        only = hosts.pop() if len(hosts) == 1 else ""
        if not only or only.startswith("*"):
            values.complain(auth.AUTH_URL, f"{text} stands for several hosts here; write the host of the service")
            return None
        return only
    host = text.lower().rstrip(".")
    if not HOST.fullmatch(host):
        values.complain(auth.AUTH_URL, f"{text[:60]!r} is not a host; variables may stand after it only")
        return None
    return host


def service(scheme: str, host: str, port: int, read: Read, world: World) -> BackendKey | Fault:
    """A Service of the cluster by its DNS name, or any other name of DNS; port 0 is that of the scheme."""
    policy = BackendPolicy(protocol=Protocol.HTTPS) if scheme == "https" else None
    number = port or (443 if policy else 80)
    if not 0 < number < 65_536:
        return Fault(f"{number} is not a port")
    ref = service_of(host, world)
    if ref is None:
        found = targets.outside(scheme, host, port, world)
        return Fault(found) if isinstance(found, str) else for_questions(found)
    service = read(world.services, ref)
    if service is None or not any(it.port == number for it in service.spec.ports):
        what = f"Service {ref} has no port {number}" if service else f"Service {ref} does not exist"
        return Fault(what, "ServiceNotFound")
    if fault := places.external_fault(service, world.rules.local_external_names):
        return Fault(f"Service {ref}: {fault}", "InvalidExternalName")
    return for_questions(BackendKey(ref.namespace, ref.name, number, policy))


def for_questions(key: BackendKey) -> BackendKey:
    """The same, apart from those that requests are sent to."""
    return key._replace(policy=msgspec.structs.replace(key.policy or BackendPolicy(), for_questions=True))


def service_of(host: str, world: World) -> Ref | None:
    """The Service that a name `service.namespace.svc` stands for, with the cluster's domain or without."""
    inside = host.removesuffix(f".{world.rules.cluster_domain}").split(".")
    return Ref(inside[1], inside[0]) if len(inside) == 3 and inside[2] == "svc" else None


def _template(entry: Annotation, text: str, values: Values) -> Template | None:
    return templates.template(values, entry, text, FILLED, "when the service is asked")


def _optional(entry: Annotation, values: Values) -> Template | None:
    text = values.text(entry)
    return _template(entry, text, values) if text else None


def _method(values: Values) -> str:
    return (
        values.read(auth.AUTH_METHOD, lambda it: it if it in _METHODS else None, f"one of {', '.join(_METHODS)}") or ""
    )


def _signin(values: Values) -> Template | None:
    """The address of the login page with the client's own added, unless it is there already."""
    text = values.text(auth.AUTH_SIGNIN)
    if not text:
        return None
    if not text.isprintable() or " " in text:
        values.complain(auth.AUTH_SIGNIN, f"{text[:60]!r} is not a URL")
        return None
    name = values.read(auth.AUTH_SIGNIN_REDIRECT_PARAM, token, "a name of a parameter") or "rd"
    return _template(auth.AUTH_SIGNIN, with_return(text, name), values)


def with_return(url: str, name: str) -> str:
    """The address of a login page with the client's own as a parameter, unless it has one of this name."""
    query = url.partition("?")[2]
    if any(pair.partition("=")[0] == name for pair in query.split("&")):
        return url
    sign = "&" if query else "" if url.endswith("?") else "?"
    return f"{url}{sign}{name}=$scheme://$http_host$escaped_request_uri"


def _names(values: Values) -> tuple[str, ...]:
    def parsed(text: str) -> tuple[str, ...] | None:
        found = [part.strip().lower() for part in text.split(",") if part.strip()]
        fine = all(TOKEN.fullmatch(name) and name not in FIXED for name in found)
        return tuple(dict.fromkeys(found)) if fine else None

    return values.read(auth.AUTH_RESPONSE_HEADERS, parsed, "names of headers, separated by commas", lines=True) or ()


def _config_map(values: Values, draft: Draft) -> tuple[HeaderChange, ...]:
    ref = reference(auth.AUTH_PROXY_SET_HEADERS, values, draft)
    if ref is None:
        return ()
    draft.config_maps[ref] = None
    found = draft.read(draft.world.config_maps, ref)
    if found is None:
        values.complain(auth.AUTH_PROXY_SET_HEADERS, f"ConfigMap {ref} does not exist", "ConfigMapNotFound")
        return ()
    changes = []
    for name, text in sorted((found.data or {}).items()):
        value = _template(auth.AUTH_PROXY_SET_HEADERS, text.strip(), values)
        if not TOKEN.fullmatch(name) or name.lower() in FIXED or not text.strip().isprintable():
            values.complain(
                auth.AUTH_PROXY_SET_HEADERS, f"ConfigMap {ref}: {name[:40]!r} is not a header that can be set"
            )
        elif value is not None:
            changes.append(HeaderChange(HeaderAction.SET, name.lower(), value))
    return tuple(changes)


def _durations(values: Values) -> tuple[tuple[int, int], ...] | None:
    wanted = "statuses with a time, as `200 202 401 5m, 403 30s`"
    return values.read(auth.AUTH_CACHE_DURATION, _parsed_durations, wanted, lines=True)


def _parsed_durations(text: str) -> tuple[tuple[int, int], ...] | None:
    found: dict[int, int] = {}
    for part in (piece.split() for piece in text.split(",")):
        time = re.fullmatch(r"([0-9]{1,7})([smhd]?)", part[-1], re.ASCII) if part else None
        if time is None:
            return None
        seconds = int(time[1]) * _TIMES[time[2] or "s"]
        for word in part[:-1] or ["200", "301", "302"]:
            if word != "any" and not re.fullmatch(r"[1-5][0-9]{2}", word, re.ASCII):
                return None
            found[0 if word == "any" else int(word)] = seconds
    return tuple(found.items()) or None
