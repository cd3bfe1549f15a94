"""Who may pass: client addresses, and whether one check of several is enough."""

from __future__ import annotations

from sealos_gateway.model.policy import Networks
from sealos_gateway.resources.annotations import auth, traffic
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values


def read(values: Values, draft: Draft) -> None:
    """`allowlist-source-range` (or its older name) and `denylist-source-range`."""
    named = traffic.ALLOWLIST if values.has(traffic.ALLOWLIST) else traffic.WHITELIST
    allow, deny = values.networks(named), values.networks(traffic.DENYLIST)
    if allow or deny:
        draft.policy["networks"] = Networks(allow or (), deny or ())
    if values.choice(auth.SATISFY, "all", "any") == "any":
        draft.policy["satisfy_any"] = True
