"""Annotations that limit how much a client, or a route, may ask for."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import HIGRESS, SEALOS, Annotation, Verdict, shared

_GOLDEN = "tests/golden/annotations/limits.yaml"
_E2E = "tests/e2e/policies/test_limits.py"
_EACH_ROUTE = (
    "Each path counts on its own (nginx: all paths of an Ingress together), IPv6 clients by their /64,"
    " and a changed route starts with full buckets."
)

LIMIT_RPS = shared(
    "limit-rps",
    values="requests a second",
    default="no limit",
    meaning="A client address that asks more often is answered 503 (`ingress.limit_status`); for a moment it may be"
    " `limit-burst-multiplier` times as many.",
    verdict=Verdict.DIFFERS,
    note=_EACH_ROUTE,
    test=f"{_E2E}::test_as_many_pass_as_with_nginx",
)
LIMIT_RPM = shared(
    "limit-rpm",
    values="requests a minute",
    default="no limit",
    meaning="As `limit-rps`, for a minute; both may be given.",
    verdict=Verdict.DIFFERS,
    note=_EACH_ROUTE,
    test=f"{_E2E}::test_limits_of_a_minute",
)
LIMIT_BURST_MULTIPLIER = shared(
    "limit-burst-multiplier",
    values="a whole number from 1",
    default="5",
    meaning="How many times its limit a client may ask for in one moment.",
    test=f"{_E2E}::test_as_many_pass_as_with_nginx",
)
LIMIT_CONNECTIONS = shared(
    "limit-connections",
    values="a whole number",
    default="no limit",
    meaning="How many requests a client address may have in progress; one more is answered 503"
    " (`ingress.limit_status`).",
    verdict=Verdict.DIFFERS,
    note="Counted in each worker thread: a client whose connections are on several may have so many on each. IPv6"
    " clients are counted by their /64.",
    test=f"{_E2E}::test_requests_in_progress",
)
LIMIT_ALLOWLIST = shared(
    "limit-allowlist",
    values="addresses and networks, separated by commas",
    default="nobody",
    meaning="Clients that `limit-rps`, `limit-rpm` and `limit-connections` do not count.",
    test=f"{_E2E}::test_exempt_clients_are_not_counted",
)
LIMIT_WHITELIST = shared(
    "limit-whitelist",
    values="as `limit-allowlist`",
    default="nobody",
    meaning="The older name of `limit-allowlist`, which wins where both are present.",
    test=_GOLDEN,
)
LIMIT_RATE = shared(
    "limit-rate",
    values="KiB a second as a bare number, as ingress-nginx reads it; or a size as `100k`, `2m`",
    default="no limit",
    meaning="No response is sent faster than this.",
    verdict=Verdict.DIFFERS,
    note="Rounded up to whole KiB. A value with a unit, which ingress-nginx ignores, is honoured.",
    test=f"{_E2E}::test_a_response_is_sent_no_faster_than_its_rate",
)
LIMIT_RATE_AFTER = shared(
    "limit-rate-after",
    values="as `limit-rate`",
    default="`0`: `limit-rate` holds from the first byte",
    meaning="How much of a response is sent before `limit-rate` holds.",
    verdict=Verdict.REFUSED,
    note="Envoy counts a rate from the first byte. It is told on the Ingress, and `limit-rate` does not hold: a page"
    " that is slow from its beginning is not what was asked for.",
    test=_GOLDEN,
)


def _of_route(short: str, values: str, default: str, meaning: str, test: str) -> Annotation:
    names = (SEALOS + short, HIGRESS + short)
    note = "Counted in each Envoy, as Higress does."
    return Annotation(names, "Ingress", values, default, meaning, note=note, test=test)


ROUTE_LIMIT_RPS = _of_route(
    "route-limit-rps",
    "requests a second",
    "no limit",
    "Requests of all clients together to one path; what is over it is answered 429.",
    f"{_E2E}::test_a_limit_of_the_route_counts_all_clients",
)
ROUTE_LIMIT_RPM = _of_route(
    "route-limit-rpm", "requests a minute", "no limit", "As `route-limit-rps`, for a minute.", _GOLDEN
)
ROUTE_LIMIT_BURST_MULTIPLIER = _of_route(
    "route-limit-burst-multiplier",
    "a whole number from 1",
    "5",
    "How many times its limit a route may be asked in one moment.",
    _GOLDEN,
)

ALL = (
    LIMIT_RPS, LIMIT_RPM, LIMIT_BURST_MULTIPLIER, LIMIT_CONNECTIONS, LIMIT_ALLOWLIST, LIMIT_WHITELIST,
    LIMIT_RATE, LIMIT_RATE_AFTER, ROUTE_LIMIT_RPS, ROUTE_LIMIT_RPM, ROUTE_LIMIT_BURST_MULTIPLIER,
)  # fmt: skip
