"""Client addresses that may or may not pass: envoy.extensions.filters.http.rbac.v3.RBAC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sealos_gateway.envoy import api
from sealos_gateway.model.policy import Policy


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


def _rbac(action: int, networks: Iterable[str]) -> api.Message:
    message = api.rbac.RBAC()
    message.rules.action = action
    rule = message.rules.policies["networks"]
    rule.permissions.add().any = True
    for network in networks:
        address, _, length = network.partition("/")
        place = rule.principals.add().remote_ip
        place.address_prefix, place.prefix_len.value = address, int(length)
    return api.pack(message)
