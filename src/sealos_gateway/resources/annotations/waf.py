"""Annotations for a web application firewall, which the gateway does not have."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Annotation, Verdict, shared

_TEST = "tests/golden/annotations/waf.yaml"
_NOTE = (
    "The gateway has no firewall that reads SecLang. It is told on the Ingress; with the setting `ingress.require_waf`"
    " the routes answer 503. Put one in front of the backend, or remove the annotation."
)


def _refused(short: str, values: str, meaning: str) -> Annotation:
    return shared(short, values, "no firewall", meaning, verdict=Verdict.REFUSED, note=_NOTE, test=_TEST)


MODSECURITY = _refused("enable-modsecurity", "`true`, `false`", "Whether ModSecurity reads requests.")
CORE_RULES = _refused("enable-owasp-core-rules", "`true`, `false`", "Whether it has the OWASP Core Rule Set.")
SNIPPET = _refused("modsecurity-snippet", "SecLang", "Rules of one Ingress.")
TRANSACTION_ID = shared(
    "modsecurity-transaction-id",
    values="text with nginx' variables",
    default="a random one",
    meaning="The name of a request in the log of ModSecurity.",
    verdict=Verdict.NOTHING,
    note="Without a firewall there is no such log; X-Request-ID names requests.",
    test=_TEST,
)

ALL = (MODSECURITY, CORE_RULES, SNIPPET, TRANSACTION_ID)
