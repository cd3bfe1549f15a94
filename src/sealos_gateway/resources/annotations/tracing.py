"""Annotations for spans of requests (OpenTelemetry)."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Annotation, Verdict, shared

_TEST = "tests/e2e/policies/test_tracing.py"
_GOLDEN = "tests/golden/annotations/tracing.yaml"

ENABLE = shared(
    "enable-opentelemetry",
    values="`true`, `false`",
    default="the setting `tracing.everywhere`",
    meaning="Whether requests are traced. Spans go to the collector that the setting `tracing.collector` names;"
    " without one it is told that there is none.",
    verdict=Verdict.DIFFERS,
    note="What a client has sampled is traced, too. On wildcard hosts, and for the first request of a host, a client's"
    " span is followed as `tracing.everywhere` says. Where a host is not traced, its backend gets a `traceparent` that"
    " says so.",
    test=f"{_TEST}::test_an_ingress_says_whether_it_is_traced",
)
OPERATION = shared(
    "opentelemetry-operation-name",
    values="text with nginx' variables, also `$namespace`, `$ingress_name`, `$service_name`",
    default="the method, and the Ingress as `namespace/name`",
    meaning="What spans are called.",
    test=f"{_TEST}::test_an_ingress_names_its_spans",
)
TRUST = shared(
    "opentelemetry-trust-incoming-span",
    values="`true`, `false`",
    default="the setting `tracing.trust_incoming`",
    meaning="Whether a client's span is the parent of ours.",
    verdict=Verdict.DIFFERS,
    note="A span begins before it is known which Ingress answers, so the setting holds for all; another value is told.",
    test=_GOLDEN,
)


def _old(short: str, now: Annotation) -> Annotation:
    name = now.name.partition("/")[2]
    note = f"ingress-nginx has removed it, too: write `{name}`."
    return shared(short, now.values, "nothing", "An older name.", verdict=Verdict.REFUSED, note=note, test=_GOLDEN)


#: What ingress-nginx 1.9 and before knew, and what says it now.
OLD = tuple(
    (_old(short, now), now)
    for short, now in (
        ("enable-opentracing", ENABLE),
        ("opentracing-trust-incoming-span", TRUST),
        ("opentracing-operation-name", OPERATION),
    )
)

ALL = (ENABLE, OPERATION, TRUST, *(entry for entry, _ in OLD))
