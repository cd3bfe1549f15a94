"""The controllers' own ConfigMaps, key by key: which setting of ours says the same, and what has no like.

Sources: ingress-nginx, "ConfigMaps" (its defaults are those of v1.15); Higress v2, `higress-config`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sealos_gateway.migrate.findings import Finding, Severity

_SET = "the setting `{}` says it"
_EACH = "write the annotation `{}` on the Ingresses that need it"


class Key(NamedTuple):
    """`default` is the controller's; a key that has it needs nothing. `do` says what to write for another value."""

    default: str
    do: str
    severity: Severity = Severity.DIFFERS
    #: Values that need nothing either.
    fine: tuple[str, ...] = ()


def _setting(default: str, path: str, more: str = "", fine: tuple[str, ...] = ()) -> Key:
    return Key(default, _SET.format(path) + (f"; {more}" if more else ""), fine=fine)


def _annotation(default: str, name: str) -> Key:
    return Key(default, _EACH.format(f"nginx.ingress.kubernetes.io/{name}"))


def _no(default: str, why: str) -> Key:
    return Key(default, why, Severity.REFUSED)


#: Whatever it says, nothing has to be done.
_NOTHING = Key("*", "")

INGRESS_NGINX: dict[str, Key] = {
    "allow-snippet-annotations": Key(
        "false", "snippets are translated here unless `ingress.snippet_namespaces` is empty", fine=("true",)
    ),
    "annotations-risk-level": _NOTHING,
    "access-log-path": _setting("/var/log/nginx/access.log", "access_log.path", fine=("/dev/stdout",)),
    "add-headers": _no("", "headers for every response have no setting; write configuration-snippet on the Ingresses"),
    "bind-address": _setting("", "address"),
    "block-cidrs": _annotation("", "denylist-source-range"),
    "client-body-buffer-size": _NOTHING,
    "client-body-timeout": _NOTHING,
    "client-header-buffer-size": _setting("1k", "http.max_request_headers_kb", "60 KiB are taken by default"),
    "client-header-timeout": _setting("60", "http.request_headers_seconds"),
    "compute-full-forwarded-for": _setting("false", "http.trusted_hops"),
    "custom-http-errors": _annotation("", "custom-http-errors"),
    "disable-access-log": _setting("false", "access_log.format"),
    "enable-brotli": _NOTHING,
    "enable-modsecurity": _no("false", "there is no WAF yet; keep one in front, or in the application"),
    "enable-opentelemetry": _setting("false", "tracing.everywhere", "with `tracing.collector`"),
    "enable-real-ip": _setting("false", "http.trusted_hops"),
    "enable-underscores-in-headers": _setting("false", "http.underscore_headers"),
    "error-log-level": _NOTHING,
    "forwarded-for-header": _no("X-Forwarded-For", "only X-Forwarded-For is read; have the proxy in front write that"),
    "generate-request-id": _NOTHING,
    "global-auth-url": _annotation("", "auth-url"),
    "hide-headers": _no("", "write configuration-snippet with more_clear_headers on the Ingresses"),
    "hsts": _setting("true", "ingress.hsts", "empty: no Strict-Transport-Security"),
    "hsts-include-subdomains": _setting("true", "ingress.hsts"),
    "hsts-max-age": _setting("31536000", "ingress.hsts"),
    "hsts-preload": _setting("false", "ingress.hsts"),
    "http-redirect-code": Key("308", "redirects to HTTPS have 308 here", fine=("301",)),
    "http-snippet": _no(
        "", "configuration of all of nginx is not translated; see docs/settings.md and docs/snippets.md"
    ),
    "keep-alive": _setting("75", "http.idle_seconds"),
    "keep-alive-requests": _NOTHING,
    "large-client-header-buffers": _setting("4 8k", "http.max_request_headers_kb", "for all headers together"),
    "limit-req-status-code": _setting("503", "ingress.limit_status"),
    "limit-conn-status-code": _setting("503", "ingress.limit_status"),
    "load-balance": _annotation("round_robin", "load-balance"),
    "location-snippet": _no("", "write configuration-snippet on the Ingresses"),
    "log-format-escape-json": _NOTHING,
    "log-format-upstream": _setting("*", "access_log.format", "json or text; the fields are fixed"),
    "main-snippet": _no("", "configuration of all of nginx is not translated; see docs/settings.md"),
    "max-worker-connections": _NOTHING,
    "no-tls-redirect-locations": _NOTHING,
    "opentelemetry-config": _NOTHING,
    "opentelemetry-operation-name": _annotation("", "opentelemetry-operation-name"),
    "opentelemetry-trust-incoming-span": _setting("true", "tracing.trust_incoming"),
    "otel-max-export-batch-size": _NOTHING,
    "otel-max-queuesize": _NOTHING,
    "otel-sampler": _setting("AlwaysOn", "tracing.sampling_percent", "100 is AlwaysOn, 0 AlwaysOff"),
    "otel-sampler-parent-based": Key("true", "what a client has sampled is always traced here"),
    "otel-sampler-ratio": _setting("", "tracing.sampling_percent", "in hundredths"),
    "otel-schedule-delay-millis": _NOTHING,
    "otel-service-name": _setting("", "tracing.service_name"),
    "otlp-collector-host": _setting("", "tracing.collector", "as grpc://HOST:PORT"),
    "otlp-collector-port": _setting("4317", "tracing.collector", "as grpc://HOST:PORT"),
    "proxy-body-size": _annotation("1m", "proxy-body-size"),
    "proxy-buffer-size": _NOTHING,
    "proxy-buffering": _NOTHING,
    "proxy-buffers-number": _NOTHING,
    "proxy-connect-timeout": _annotation("5", "proxy-connect-timeout"),
    "proxy-next-upstream": _annotation("error timeout", "proxy-next-upstream"),
    "proxy-read-timeout": _annotation("60", "proxy-read-timeout"),
    "proxy-real-ip-cidr": _setting("0.0.0.0/0", "http.trusted_hops", "proxies are counted, not listed"),
    "proxy-send-timeout": _annotation("60", "proxy-send-timeout"),
    "proxy-set-headers": _no("", "write configuration-snippet with proxy_set_header on the Ingresses"),
    "server-name-hash-bucket-size": _NOTHING,
    "server-snippet": _no("", "write server-snippet on the Ingresses"),
    "server-tokens": _NOTHING,
    "ssl-ciphers": _setting("*", "tls.ciphers", "in BoringSSL's names"),
    "ssl-protocols": _setting("TLSv1.2 TLSv1.3", "tls.min_version", fine=("TLSv1.2 TLSv1.3", "TLSv1.3 TLSv1.2")),
    "ssl-redirect": _setting("true", "ingress.ssl_redirect"),
    "ssl-session-cache": _NOTHING,
    "ssl-session-tickets": _NOTHING,
    "strict-validate-path-type": _NOTHING,
    "upstream-keepalive-connections": _NOTHING,
    "upstream-keepalive-timeout": _NOTHING,
    "use-forwarded-headers": _setting("false", "http.trusted_hops", "the number of proxies in front that are believed"),
    "use-gzip": Key("false", _EACH.format("sealos.io/compression")),
    "use-http2": _NOTHING,
    "use-proxy-protocol": _setting("false", "http.proxy_protocol"),
    "whitelist-source-range": _annotation("", "allowlist-source-range"),
    "worker-processes": _setting("auto", "envoy.concurrency"),
    "worker-shutdown-timeout": _setting("240s", "envoy.drain_seconds"),
}
HIGRESS: dict[str, Key] = {
    "higress": _NOTHING,
    "mesh": Key("*", "the gateway's own mesh settings have no like here; nothing of an Ingress depends on them"),
    "meshNetworks": _NOTHING,
    "addXRealIpHeader": Key("false", "X-Real-IP is always sent here"),
    "disableXEnvoyHeaders": _NOTHING,
    "gzip": _setting("", "http", "compression is the annotation `sealos.io/compression` of an Ingress"),
    "downstream": _setting("", "http", "idle_seconds, max_request_headers_kb, max_concurrent_streams, buffer_bytes"),
    "upstream": Key("", "connections to backends have Envoy's own idle time here"),
    "tracing": _setting(
        "", "tracing", "spans go out as OTLP: Skywalking takes that, for Zipkin put a collector between"
    ),
    "automaticHttps": _no("false", "certificates are not ordered here; keep cert-manager"),
    "credentialConfig": _setting("", "tls.default_certificates"),
    "fallbackForInvalidSecret": _setting("false", "tls.default_certificates"),
}
TABLES = {"ingress-nginx": INGRESS_NGINX, "higress": HIGRESS}
#: Where the controllers' charts put them.
PLACES = {
    "ingress-nginx": (("ingress-nginx", "ingress-nginx-controller"),),
    "higress": (("higress-system", "higress-config"), ("higress-system", "higress-https")),
}


def findings(source: str, name: str, data: Mapping[str, str]) -> Iterator[Finding | None]:
    """One for each key that needs a word, None for each that needs none."""
    table = TABLES[source]
    for key, value in sorted(data.items()):
        known, text = table.get(key), value.strip()
        if known is None:
            message = "this key is not known here: whether it needs something has to be looked at"
            yield Finding(Severity.DIFFERS, key, message, f"ConfigMap {name}")
        elif not known.do or text in (known.default, *known.fine):
            yield None
        else:
            shown = text.splitlines()[0][:60] if text else "empty"
            yield Finding(known.severity, key, f"is {shown}: {known.do}", f"ConfigMap {name}")
