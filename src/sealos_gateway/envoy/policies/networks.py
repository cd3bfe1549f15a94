"""Client addresses that may or may not pass: envoy.extensions.filters.http.rbac.v3.RBAC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sealos_gateway.envoy import api
from sealos_gateway.model.policy import Policy

#: Where RBAC filters leave their notes (dynamic metadata).
METADATA = "envoy.filters.http.rbac"


def filters(policy: Policy) -> Iterator[tuple[str, api.Message]]:
    """Deny first, then allow; an empty list of allowed networks allows everybody."""
    wanted = policy.networks
    if wanted is None:
        return
    actions = api.rbac_config.RBAC
    if wanted.deny:
        yield "deny", _rbac(actions.DENY, wanted.deny)
    if wanted.allow:
        yield "allow", _rbac(actions.ALLOW, wanted.allow)


def noted(networks: Iterable[str], prefix: str) -> api.Message:
    """A filter that stops nobody: it leaves a note, `allowed` or `denied`, under `<prefix>shadow_engine_result`."""
    message = api.rbac.RBAC(shadow_rules_stat_prefix=prefix)
    _fill(message.shadow_rules, api.rbac_config.RBAC.ALLOW, networks)
    return api.pack(message)


def _rbac(action: int, networks: Iterable[str]) -> api.Message:
    message = api.rbac.RBAC()
    _fill(message.rules, action, networks)
    return api.pack(message)


def _fill(rules: api.Message, action: int, networks: Iterable[str]) -> None:
    rules.action = action
    rule = rules.policies["networks"]
    rule.permissions.add().any = True
    for network in networks:
        address, _, length = network.partition("/")
        place = rule.principals.add().remote_ip
        place.address_prefix, place.prefix_len.value = address, int(length)
