"""How often and how fast: envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, one for each limit, and
envoy.extensions.filters.http.fault.v3.HTTPFault, whose response rate is counted for each response alone.

Buckets of clients are made when a client comes and kept in a list of bounded length, of which the oldest goes: a flood
of addresses costs `_MOST_CLIENTS` buckets and no more. IPv6 clients are counted by /64, because whoever has one address
has all of those. Exempt networks are asked for by a filter that only notes what it found (RBAC with shadow rules).
"""

from __future__ import annotations

from collections.abc import Iterator

from sealos_gateway.envoy import api
from sealos_gateway.envoy.policies import networks
from sealos_gateway.model.policy import Policy, RateKey, RateLimit

_MOST_CLIENTS = 65_536
_KIB = 1024
_CLIENT = "masked_remote_address"


def filters(policy: Policy) -> Iterator[tuple[str, api.Message]]:
    """Requests over a limit are answered with its status; nothing of them goes further."""
    known: dict[tuple[str, ...], str] = {}
    for limit in policy.rate_limits:
        if limit.exempt and limit.exempt not in known:
            known[limit.exempt] = f"exempt{len(known)}_"
            yield known[limit.exempt].rstrip("_"), networks.noted(limit.exempt, known[limit.exempt])
    for number, limit in enumerate(policy.rate_limits):
        yield f"rate-limit-{number}", _limit(limit, known.get(limit.exempt, ""))


def bandwidth(policy: Policy) -> Iterator[tuple[str, api.Message]]:
    """Each response on its own; the limit is in KiB a second, at least one."""
    if policy.bandwidth is not None and policy.bandwidth.response:
        message = api.fault.HTTPFault()
        message.response_rate_limit.fixed_limit.limit_kbps = -(-policy.bandwidth.response // _KIB)
        message.response_rate_limit.percentage.numerator = 100
        yield "response-rate", api.pack(message)


def _limit(limit: RateLimit, exempt: str) -> api.Message:
    message = api.local_ratelimit.LocalRateLimit(stat_prefix="limit", max_dynamic_descriptors=api.uint(_MOST_CLIENTS))
    message.status.code = limit.status
    for share in (message.filter_enabled, message.filter_enforced):
        share.default_value.numerator = 100
    message.always_consume_default_token_bucket.value = False
    actions, descriptor = message.rate_limits.add().actions, message.descriptors.add()
    if exempt:
        key = actions.add().metadata
        key.descriptor_key, key.source = "exempt", key.DYNAMIC
        key.metadata_key.key = networks.METADATA
        key.metadata_key.path.add().key = f"{exempt}shadow_engine_result"
        descriptor.entries.add(key="exempt", value="denied")
    if limit.key is RateKey.CLIENT:
        mask = actions.add().masked_remote_address
        mask.v4_prefix_mask_len.value, mask.v6_prefix_mask_len.value = 32, 64
        descriptor.entries.add(key=_CLIENT)
    else:
        actions.add().generic_key.descriptor_value = "all"
        descriptor.entries.add(key="generic_key", value="all")
    bucket = descriptor.token_bucket
    bucket.max_tokens, bucket.tokens_per_fill.value = limit.burst, limit.requests
    bucket.fill_interval.CopyFrom(api.seconds(limit.seconds))
    return api.pack(message)
