"""Annotations of Kubernetes itself."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Annotation

INGRESS_CLASS = Annotation(
    ("kubernetes.io/ingress.class",),
    kind="Ingress",
    values="name of an ingress class",
    default="`spec.ingressClassName` decides",
    meaning="The class of the Ingress. Where it is present it decides alone, whatever `spec.ingressClassName` says.",
)
DEFAULT_CLASS = Annotation(
    ("ingressclass.kubernetes.io/is-default-class",),
    kind="IngressClass",
    values="`true`; anything else is read as absent",
    default="not a default class",
    meaning="Ingresses that name no class at all belong to this class.",
)
ALL = (INGRESS_CLASS, DEFAULT_CLASS)
