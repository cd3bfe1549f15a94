"""Backends that speak FastCGI: told where they are asked for; the routes go on without it."""

from __future__ import annotations

from sealos_gateway.resources.annotations import fastcgi
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values


def read(values: Values, _draft: Draft) -> None:
    """`fastcgi-*`."""
    for entry in fastcgi.ALL:
        if values.has(entry):
            message = "Envoy speaks no FastCGI; put a web server beside the program and route to that"
            values.warn(entry, message, "UnsupportedAnnotation")
