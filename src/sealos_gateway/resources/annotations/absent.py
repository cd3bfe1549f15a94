"""Annotations for what the gateway does not have yet: tracing, and backends that speak FastCGI."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Annotation, Verdict, shared

_TEST = "tests/golden/annotations/absent.yaml"
_TRACING = "The gateway sends no traces yet; it is told on the Ingress. X-Request-ID names requests."
_FASTCGI = "Envoy speaks no FastCGI; put a web server beside the program and route to that."


def _refused(short: str, values: str, default: str, meaning: str, note: str) -> Annotation:
    return shared(short, values, default, meaning, verdict=Verdict.REFUSED, note=note, test=_TEST)


TRACING = _refused("enable-opentelemetry", "`true`, `false`", "false", "Whether requests are traced.", _TRACING)
TRUST_SPAN = _refused(
    "opentelemetry-trust-incoming-span", "`true`, `false`", "true", "Whether a client's span is the parent.", _TRACING
)
OPERATION = _refused("opentelemetry-operation-name", "a name", "the path", "The name of spans.", _TRACING)
FASTCGI_INDEX = _refused("fastcgi-index", "a file name", "none", "What a path that ends in `/` stands for.", _FASTCGI)
FASTCGI_PARAMS = _refused("fastcgi-params-configmap", "a ConfigMap", "none", "Parameters of FastCGI.", _FASTCGI)

ALL = (TRACING, TRUST_SPAN, OPERATION, FASTCGI_INDEX, FASTCGI_PARAMS)
