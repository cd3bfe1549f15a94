"""Which requests a canary gets, held against a real nginx that decides by maps as ingress-nginx does in Lua."""

from __future__ import annotations

import itertools
from pathlib import Path

import httpx
import pytest

from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.nginx import Nginx
from tests.e2e.policies.test_canary import canary

_VALUES = (None, "always", "never", "ALWAYS", "v2", "V2", "eu-1", "cn-eu-1", "us-x", "")
_COOKIES = (None, "always", "never", "Always", "other")
#: What the annotations say, and the same as a map of nginx, whose plain texts would ignore letter case.
CASES = {
    "header": ({"canary_by_header": "x-canary"}, "~^always$ b; ~^never$ a;"),
    "value": ({"canary_by_header": "x-canary", "canary_by_header_value": "v2"}, "~^v2$ b;"),
    "pattern": ({"canary_by_header": "x-canary", "canary_by_header_pattern": "eu|us-[0-9]"}, "~eu|us-[0-9] b;"),
}


@pytest.mark.parametrize("weight", ["0", "100"])
@pytest.mark.parametrize("case", CASES)
async def test_header_before_cookie_before_weight(
    site: Site, echo_a: Echo, echo_b: Echo, tmp_path: Path, case: str, weight: str
) -> None:
    said, by_header = CASES[case]
    canary(site, echo_a, echo_b, canary_by_cookie="early", canary_weight=weight, **said)
    await site.gateway.settled()
    rest = "b" if weight == "100" else "a"
    http = (
        f'map $http_x_canary $by_header {{ default ""; {by_header} }}'
        ' map $cookie_early $by_cookie { default ""; ~^always$ b; ~^never$ a; }'
        f" map $by_header$by_cookie $backend {{ default {rest}; ~^a a; ~^b b; }}"
        f" map $backend $chosen {{ a {echo_a.port}; b {echo_b.port}; }}"
    )
    with Nginx(tmp_path, "location / { proxy_pass http://127.0.0.1:$chosen; }", http) as nginx:
        for value, cookie in itertools.product(_VALUES, _COOKIES):
            named = {"x-canary": value} if value is not None else {}
            named |= {"cookie": f"a=b; early={cookie}"} if cookie is not None else {}
            ours = await site.get("/", headers=named)
            theirs = await nginx.get("/", headers=named)
            assert who(ours) == who(theirs), (value, cookie)


def who(reply: httpx.Response) -> str:
    return str(reply.json()["name"])
