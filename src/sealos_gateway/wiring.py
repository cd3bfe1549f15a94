"""Settings to the arguments of pure rooms, which may not import settings themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from sealos_gateway.envoy import listeners, tracing
from sealos_gateway.model.traffic import Listener
from sealos_gateway.provision import plan
from sealos_gateway.resources.meta import Ref
from sealos_gateway.settings import (
    EscapedSlashes,
    HostOwnership,
    RequestIds,
    Settings,
    SettingsError,
    UnderscoreHeaders,
)
from sealos_gateway.translate.gateway_api import places
from sealos_gateway.translate.hosts import error as host_error
from sealos_gateway.translate.world import Rules
from sealos_gateway.xds import planes

#: The gateway whose listeners serve Ingresses: the first half of every scope key.
GATEWAY = planes.GATEWAY
#: The listener for plain HTTP of that gateway.
HTTP = "http"

#: Settings that hold for nodes wherever they run. Memory and connections are measured there, and the path of another
#: Envoy is one of an image.
_NODES_READ: Final = {
    "envoy": ("istio_labels", "statistics", "system_authorities", "log_level"),
    "ingress": ("cluster_domain",),
    "lazy": ("threshold", "hot_hosts"),
    "tls": ("max_secrets",),
}

_UNDERSCORES = {
    UnderscoreHeaders.DROP: "DROP_HEADER",
    UnderscoreHeaders.REJECT: "REJECT_REQUEST",
    UnderscoreHeaders.ALLOW: "ALLOW",
}
_SLASHES = {
    EscapedSlashes.KEEP: "KEEP_UNCHANGED",
    EscapedSlashes.REJECT: "REJECT_REQUEST",
    EscapedSlashes.UNESCAPE_REDIRECT: "UNESCAPE_AND_REDIRECT",
    EscapedSlashes.UNESCAPE_FORWARD: "UNESCAPE_AND_FORWARD",
}
_COLLECTOR = re.compile(
    r"(?P<scheme>(grpc|http)s?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?(?P<path>(/[!-~]*)?)"
)
_PORTS = range(1, 65_536)


def rules(settings: Settings) -> Rules:
    """What translation needs to know. Raises SettingsError for a default certificate that names no Secret."""
    return Rules(
        classes=frozenset(settings.ingress.classes),
        nginx_classes=frozenset(settings.ingress.nginx_classes),
        controller=settings.ingress.controller,
        first_namespace_owns=settings.ingress.host_ownership is HostOwnership.FIRST_NAMESPACE,
        ssl_redirect=settings.ingress.ssl_redirect and bool(settings.https_port),
        https=bool(settings.https_port or settings.http.https_redirect_port),
        default_certificates=tuple(
            (_pattern(entry.pattern), _secret_ref(entry.secret)) for entry in settings.tls.default_certificates
        ),
        local_external_names=settings.ingress.local_external_names,
        cross_namespace=settings.ingress.cross_namespace,
        cluster_domain=settings.ingress.cluster_domain,
        no_auth_locations=settings.ingress.no_auth_locations,
        global_auth=tuple(sorted(settings.ingress.global_auth.items())),
        require_waf=settings.ingress.require_waf,
        slow_passwords=settings.ingress.slow_passwords,
        limit_status=settings.ingress.limit_status,
        on_every_host=tuple(_ref("ingress.on_every_host", text) for text in settings.ingress.on_every_host),
        hsts=settings.ingress.hsts,
        traces=bool(settings.tracing.collector),
        trust_spans=settings.tracing.trust_incoming,
        allowed_response_headers=settings.ingress.allowed_response_headers,
        snippet_namespaces=frozenset(settings.ingress.snippet_namespaces),
        max_headers_kb=settings.http.max_request_headers_kb,
        gateway=GATEWAY,
    )


def _pattern(text: str) -> str:
    if text != "*" and (reason := host_error(text)):
        raise SettingsError(f"tls.default_certificates: pattern {reason}, or * for every name")
    return text.lower()


def _secret_ref(text: str) -> Ref:
    return _ref("tls.default_certificates: secret", text)


def _ref(setting: str, text: str) -> Ref:
    namespace, slash, name = text.partition("/")
    if not (slash and namespace and name) or "/" in name:
        raise SettingsError(f"{setting} {text!r} must be written as namespace/name")
    return Ref(namespace, name)


def listener_options(settings: Settings) -> listeners.Options:
    """What a listener needs to know."""
    http, tls = settings.http, settings.tls
    return listeners.Options(
        max_request_headers_kb=http.max_request_headers_kb,
        max_request_headers=http.max_request_headers,
        trusted_hops=http.trusted_hops,
        proxy_protocol=http.proxy_protocol,
        upgrade_types=http.upgrade_types,
        normalize_path=http.normalize_path,
        merge_slashes=http.merge_slashes,
        escaped_slashes=_SLASHES[http.escaped_slashes],
        underscore_headers=_UNDERSCORES[http.underscore_headers],
        keep_request_ids=_keeps_request_ids(settings),
        idle_seconds=http.idle_seconds,
        stream_idle_seconds=http.stream_idle_seconds,
        request_headers_seconds=http.request_headers_seconds,
        max_concurrent_streams=http.max_concurrent_streams,
        buffer_bytes=http.buffer_bytes,
        log_format=settings.access_log.format.value,
        log_path=settings.access_log.path,
        min_tls=tls.min_version.value,
        ciphers=tls.ciphers,
        domain=settings.ingress.cluster_domain,
        tracing=tracing_options(settings),
    )


def _keeps_request_ids(settings: Settings) -> bool:
    chosen = settings.http.request_ids
    return chosen is RequestIds.KEEP or (chosen is RequestIds.AUTO and "nginx" in settings.ingress.classes)


def tracing_options(settings: Settings) -> tracing.Options | None:
    """Where spans go; None where nowhere is said. Raises SettingsError for a collector that cannot be one."""
    chosen = settings.tracing
    if not chosen.collector:
        return None
    found = _COLLECTOR.fullmatch(chosen.collector)
    if (
        found is None
        or (found["scheme"].startswith("grpc") and found["path"].strip("/"))
        or int(found["port"] or 1) not in _PORTS
    ):
        what = f"{chosen.collector[:80]!r} must be written as grpc://HOST:4317 or http://HOST:4318/v1/traces"
        raise SettingsError(f"tracing.collector: {what}, with TLS as grpcs:// or https://")
    http = found["scheme"].startswith("http")
    return tracing.Options(
        host=found["host"].strip("[]"),
        port=int(found["port"] or (4318 if http else 4317)),
        secure=found["scheme"].endswith("s"),
        path=(found["path"].rstrip("/") or "/v1/traces") if http else "",
        service_name=chosen.service_name,
        everywhere=chosen.everywhere,
        percent=chosen.sampling_percent,
        trust=chosen.trust_incoming,
    )


def listeners_wanted(settings: Settings) -> list[Listener]:
    """The two listeners of `sgw run`."""
    found = [Listener(HTTP, GATEWAY, settings.address, settings.http_port)]
    if settings.https_port:
        found.append(Listener("https", GATEWAY, settings.address, settings.https_port, tls=True))
    return found


def shared(settings: Settings) -> places.Shared:
    """What Gateways find on the data plane that they share with Ingresses."""
    chosen = settings.gateway_api
    bound = {settings.status_port: "where the gateway tells of its own state"}
    if settings.https_port:
        bound[settings.https_port] = "HTTPS of Ingresses"
    if not chosen.shared_http_port:
        return places.Shared(GATEWAY, settings.http_port, bound)
    bound[settings.http_port] = f"that of Ingresses, which clients reach at port {chosen.shared_http_port}"
    if chosen.shared_https_port:
        bound[chosen.shared_https_port] = "HTTPS of Ingresses"
    bound.pop(chosen.shared_http_port, None)
    reached = {("TCP", it) for it in (chosen.shared_http_port, *chosen.shared_tcp_ports)}
    reached |= {("UDP", it) for it in chosen.shared_udp_ports}
    return places.Shared(GATEWAY, chosen.shared_http_port, bound, frozenset(reached))


def provision_options(settings: Settings) -> plan.Options:
    """What data planes of Gateways need to know."""
    chosen = settings.gateway_api
    return plan.Options(
        controller=chosen.controller,
        image=chosen.image,
        control=chosen.control,
        xds_port=settings.control.xds_port,
        enrol_port=settings.control.enrol_port,
        token_audience=settings.control.token_audience,
        authority=Ref(settings.kubernetes.lease_namespace, settings.control.ca_secret),
        shared_classes=frozenset(chosen.shared_classes),
        shared=not chosen.control,
        settings=tuple(_of_every_node(settings)),
        log_json=settings.log_json,
        addresses=settings.kubernetes.publish_addresses,
    )


def _of_every_node(settings: Settings) -> Iterator[tuple[str, str, Any]]:
    """What nodes read and a GatewayProfile does not say, where it is not the default: all nodes of one installation
    count, and name, alike."""
    default = Settings()
    for group, fields in _NODES_READ.items():
        for field in fields:
            value = getattr(getattr(settings, group), field)
            if value != getattr(getattr(default, group), field):
                yield group, field, msgspec.to_builtins(value)
