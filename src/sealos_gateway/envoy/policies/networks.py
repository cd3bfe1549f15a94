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
    if policy.one_is_enough:
        yield "satisfy", noted(wanted.allow, "satisfy_", wanted.deny)
        return
    actions = api.rbac_config.RBAC
    if wanted.deny:
        yield "deny", _rbac(actions.DENY, wanted.deny)
    if wanted.allow:
        yield "allow", _rbac(actions.ALLOW, wanted.allow)


def noted(networks: Iterable[str], prefix: str, but: Iterable[str] = ()) -> api.Message:
    """A filter that stops nobody: it leaves a note, `allowed` or `denied`, under `<prefix>shadow_engine_result`.

    Allowed are clients of `networks` but not those of `but`.
    """
    message = api.rbac.RBAC(shadow_rules_stat_prefix=prefix)
    rules = message.shadow_rules
    rules.action = api.rbac_config.RBAC.ALLOW
    rule = rules.policies["networks"]
    rule.permissions.add().any = True
    for network in networks:
        principal = rule.principals.add()
        if but:
            _place(principal.and_ids.ids.add().remote_ip, network)
            for other in but:
                _place(principal.and_ids.ids.add().not_id.remote_ip, other)
        else:
            _place(principal.remote_ip, network)
    if not rule.principals:
        rule.principals.add().not_id.any = True
    return api.pack(message)


def _rbac(action: int, networks: Iterable[str]) -> api.Message:
    message = api.rbac.RBAC()
    message.rules.action = action
    rule = message.rules.policies["networks"]
    rule.permissions.add().any = True
    for network in networks:
        _place(rule.principals.add().remote_ip, network)
    return api.pack(message)


def _place(message: api.Message, network: str) -> None:
    address, _, length = network.partition("/")
    message.address_prefix, message.prefix_len.value = address, int(length)
