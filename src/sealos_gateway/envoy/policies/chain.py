"""The filters of one route, in order, as configuration of the one filter that runs them.

What the matcher of a route decides is which chain of filters runs in the place (`composites`); ours decides nothing and
names the chain.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from sealos_gateway.envoy import api, composites
from sealos_gateway.envoy.actions import Context
from sealos_gateway.envoy.policies import (
    access,
    affinity,
    answers,
    compression,
    error_pages,
    limits,
    log,
    networks,
    rates,
)
from sealos_gateway.model.policy import Policy
from sealos_gateway.model.traffic import Route

FILTER = "sealos.policies"

Filters = Iterator[tuple[str, api.Message]]


def http_filter() -> api.Message:
    """The filter as it stands in every connection manager: nothing to do unless the route says what."""
    return composites.empty(FILTER)


def per_route(route: Route, context: Context, first: Iterable[tuple[str, api.Message]] = ()) -> api.Message | None:
    """What a route's `typed_per_filter_config[FILTER]` has to be; None where its policies need no filter.

    `first` are filters of the way on which the route is reached.
    """
    own = _filters(route, route.policy, context) if route.policy else ()
    return composites.filled(FILTER, itertools.chain(first, own))


def _filters(route: Route, policy: Policy, context: Context) -> Filters:
    """Who may not pass is stopped before any work is done for him; what changes responses comes last."""
    yield from log.filters(policy)
    yield from rates.filters(policy)
    yield from networks.filters(policy)
    yield from access.filters(policy)
    yield from limits.filters(policy)
    yield from affinity.filters(route, policy)
    yield from compression.filters(policy)
    yield from rates.bandwidth(policy)
    yield from answers.filters(policy)
    yield from error_pages.filters(policy, context)
