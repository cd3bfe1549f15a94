"""Which requests are traced, and what their spans are called. Nothing here protects anything: mistakes are told."""

from __future__ import annotations

from sealos_gateway.model.policy import Tracing
from sealos_gateway.model.template import Of, Template, literal
from sealos_gateway.resources.annotations import tracing
from sealos_gateway.translate.annotations import templates
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values

#: What is known when a span gets its name.
IN_NAME = set(Of) - {
    Of.CAPTURE, Of.COOKIE, Of.ESCAPED_PATH_AND_QUERY, Of.RESPONSE_HEADER, Of.STATUS, Of.UPSTREAM_ADDRESS,
}  # fmt: skip


def read(values: Values, draft: Draft) -> None:
    """`enable-opentelemetry`, `opentelemetry-*`."""
    for entry, now in tracing.OLD:
        if values.has(entry):
            message = f"this name has no effect any longer; write {now.name.partition('/')[2]}"
            values.warn(entry, message, "UnsupportedAnnotation")
    rules = draft.world.rules
    enabled = values.boolean(tracing.ENABLE)
    if not rules.traces:
        if enabled:
            message = "there is no collector of spans: whoever runs the gateway sets tracing.collector"
            values.warn(tracing.ENABLE, message, "NoTracing")
        return
    trust = values.boolean(tracing.TRUST)
    if trust is not None and trust != rules.trust_spans:
        message = (
            "spans begin before it is known which Ingress answers: the setting tracing.trust_incoming says it for all"
        )
        values.warn(tracing.TRUST, message, "UnsupportedAnnotation")
    operation = _operation(values, draft)
    if enabled is not None or operation is not None:
        draft.policy["tracing"] = Tracing(enabled, operation)


def _operation(values: Values, draft: Draft) -> Template | None:
    text = values.text(tracing.OPERATION)
    if not text:
        return None
    return templates.template(values, tracing.OPERATION, text, IN_NAME, "when a span gets its name", _known(draft))


def _known(draft: Draft) -> dict[str, Template]:
    """ingress-nginx' variables for the object itself; that of the Service where there is only one."""
    metadata, spec = draft.ingress.metadata, draft.ingress.spec
    found = {"namespace": literal(metadata.namespace), "ingress_name": literal(metadata.name)}
    backends = [path.backend for rule in spec.rules or () if rule.http for path in rule.http.paths]
    services = {it.service.name for it in (*backends, spec.default_backend) if it is not None and it.service}
    return found | ({"service_name": literal(services.pop())} if len(services) == 1 else {})
