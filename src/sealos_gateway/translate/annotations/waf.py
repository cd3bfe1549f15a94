"""A firewall that is asked for: told, and the routes are closed where the operator wants that."""

from __future__ import annotations

from sealos_gateway.resources.annotations import waf
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values


def read(values: Values, draft: Draft) -> None:
    """`enable-modsecurity`, `enable-owasp-core-rules`, `modsecurity-snippet`."""
    for entry in (waf.MODSECURITY, waf.CORE_RULES, waf.SNIPPET):
        text = values.text(entry, lines=True)
        if not values.has(entry) or text == "" or (text is not None and text.lower() == "false"):
            continue
        closed = draft.world.rules.require_waf
        effect = "the routes answer 503 (setting ingress.require_waf)" if closed else "requests pass without one"
        message = f"the gateway has no web application firewall, and {effect}; put one in front of the backend"
        values.warn(entry, message, "NoFirewall")
        values.refused = values.refused or closed
