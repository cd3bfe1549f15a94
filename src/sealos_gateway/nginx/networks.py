"""`allow` and `deny` as networks: the first rule that covers a client decides, and whoever no rule covers is let in.

Source: ngx_http_access_module.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from sealos_gateway.model.policy import Networks
from sealos_gateway.nginx.level import AccessRule

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_EVERYBODY = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
#: More can only come from rules that cut each other into pieces.
MOST = 1000


class TooManyError(ValueError):
    """The rules would need more networks than a route should have."""


def networks(rules: Sequence[AccessRule]) -> Networks | None:
    """The same decisions as `rules`; None where everybody is let in. Raises TooManyError."""
    rules = _without_end(rules)
    if not any(not rule.allow for rule in rules):
        return None
    if all(rule.allow == (rule.network != "") for rule in rules):
        allowed = tuple(dict.fromkeys(rule.network for rule in rules if rule.allow))
        return Networks(allow=allowed) if allowed else _NOBODY
    if not any(rule.allow for rule in rules):
        return Networks(deny=tuple(dict.fromkeys(str(one) for rule in rules for one in _covered(rule))))
    allowed = _allowed(rules)
    return Networks(allow=allowed) if allowed else _NOBODY


#: An empty list of those who are allowed would mean everybody.
_NOBODY = Networks(deny=tuple(map(str, _EVERYBODY)))


def _without_end(rules: Sequence[AccessRule]) -> list[AccessRule]:
    """Without what stands behind a rule for all, and without an `allow all` there: it is so anyway."""
    found: list[AccessRule] = []
    for rule in rules:
        if not rule.network:
            return found if rule.allow else [*found, rule]
        found.append(rule)
    return found


def _allowed(rules: Sequence[AccessRule]) -> tuple[str, ...]:
    """Everybody who is let in, as networks that do not overlap."""
    open_: list[Network] = list(_EVERYBODY)
    found: list[Network] = []
    for rule in rules:
        covered = _covered(rule)
        if rule.allow:
            found += [common for one in open_ for network in covered if (common := _common(one, network))]
        for network in covered:
            open_ = [rest for one in open_ for rest in _minus(one, network)]
        if len(open_) > MOST or len(found) > MOST:
            raise TooManyError(f"these rules need more than {MOST} networks; write fewer allow and deny")
    return tuple(str(one) for one in sorted([*found, *open_], key=lambda one: (one.version, one)))


def _covered(rule: AccessRule) -> tuple[Network, ...]:
    return (ipaddress.ip_network(rule.network),) if rule.network else _EVERYBODY


def _common(one: Network, other: Network) -> Network | None:
    if one.version != other.version:
        return None
    if one.subnet_of(other):  # type: ignore[arg-type]
        return one
    return other if other.subnet_of(one) else None  # type: ignore[arg-type]


def _minus(one: Network, other: Network) -> list[Network]:
    if one.version != other.version or not one.overlaps(other):
        return [one]
    if one.subnet_of(other):  # type: ignore[arg-type]
        return []
    return list(one.address_exclude(other))  # type: ignore[arg-type]
