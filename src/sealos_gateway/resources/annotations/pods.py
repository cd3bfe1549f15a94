"""Annotations on pods, read by the webhook."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Annotation

SIDECAR = Annotation(
    ("sealos.io/sidecar",),
    kind="Pod",
    values="`true`, `false`; a pod with anything else is refused",
    default="no sidecar",
    meaning="The pod gets a node of the gateway (Envoy and its relay) as a native sidecar.",
    note="Only where the gateway is installed in mode `sidecar`, and for the service accounts that it lists.",
    test="tests/webhook/test_injection.py",
)
ALL = (SIDECAR,)
