"""`allow` and `deny` in their order, and the networks that decide the same."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.nginx.level import AccessRule
from sealos_gateway.nginx.networks import TooManyError, networks

_V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
_V6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)
ADDRESS = st.sampled_from(["10.0.0.1", "10.0.255.0", "10.9.0.0", "11.0.0.0", "::1", "2001:db8::1"]).map(
    ipaddress.ip_address
)
NETWORK = st.sampled_from(
    ["10.0.0.0/8", "10.0.0.0/16", "10.0.0.1/32", "0.0.0.0/0", "::/0", "2001:db8::/32", "::1/128", ""]
)


def by_nginx(rules: list[AccessRule], address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    for rule in rules:
        if not rule.network or address in ipaddress.ip_network(rule.network):
            return rule.allow
    return True


@given(st.lists(st.builds(AccessRule, st.booleans(), NETWORK), max_size=6), ADDRESS | _V4 | _V6)
def test_the_first_rule_decides(
    rules: list[AccessRule], address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    found = networks(rules)
    denied = found is not None and any(address in ipaddress.ip_network(one) for one in found.deny)
    allowed = found is None or not found.allow or any(address in ipaddress.ip_network(one) for one in found.allow)
    assert (allowed and not denied) == by_nginx(rules, address)


def test_a_bound() -> None:
    rules = [AccessRule(False, f"{n}.1.2.3/32") for n in range(1, 60)]
    assert networks(rules) is not None
    with pytest.raises(TooManyError, match="more than 1000"):
        networks([*rules, AccessRule(True, "10.0.0.0/8"), AccessRule(False, "200.0.0.0/8")])
