"""What the gateway does not have yet is told where it is asked for; the routes go on without it."""

from __future__ import annotations

from sealos_gateway.resources.annotations import absent
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values


def read(values: Values, _draft: Draft) -> None:
    """`enable-opentelemetry`, `opentelemetry-*`, `fastcgi-*`."""
    for entry, usual in ((absent.TRACING, "false"), (absent.TRUST_SPAN, "true"), (absent.OPERATION, "")):
        text = values.text(entry)
        if text and text.lower() != usual:
            values.warn(entry, "the gateway sends no traces; remove the annotation", "NoTracing")
    for entry in (absent.FASTCGI_INDEX, absent.FASTCGI_PARAMS):
        if values.has(entry):
            message = "Envoy speaks no FastCGI; put a web server beside the program and route to that"
            values.warn(entry, message, "UnsupportedAnnotation")
