"""The one list of annotations that mean something to the gateway; `docs/annotations.md` is generated from it.

Code asks for an annotation by its constant here and never by a literal, so the list cannot fall behind.
"""

from __future__ import annotations

from typing import NamedTuple


class Annotation(NamedTuple):
    """`default` says what holds where the annotation is absent; all but the name is prose for people."""

    name: str
    kind: str
    values: str
    default: str
    meaning: str


INGRESS_CLASS = Annotation(
    "kubernetes.io/ingress.class",
    kind="Ingress",
    values="name of an ingress class",
    default="`spec.ingressClassName` decides",
    meaning="The class of the Ingress. Where it is present it decides alone, whatever `spec.ingressClassName` says.",
)
DEFAULT_CLASS = Annotation(
    "ingressclass.kubernetes.io/is-default-class",
    kind="IngressClass",
    values="`true`; anything else is read as absent",
    default="not a default class",
    meaning="Ingresses that name no class at all belong to this class.",
)
SSL_REDIRECT = Annotation(
    "sealos.io/ssl-redirect",
    kind="Ingress",
    values="`true`, `false`; anything else is reported and read as absent",
    default="the setting `ingress.ssl_redirect`",
    meaning="Whether plain HTTP requests to the paths of this Ingress are redirected to HTTPS with 308."
    " Only for hosts that have TLS.",
)

ALL = (INGRESS_CLASS, DEFAULT_CLASS, SSL_REDIRECT)
