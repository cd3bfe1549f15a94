"""Policies that need HTTP filters, one file per filter or family of filters. Pure.

One filter of the connection manager, `sealos.policies`, is always in the chain and does nothing by itself. A route with
policies configures it with the list of filters that its requests go through (`chain`). The list is read when the
headers of a request arrive, not when its filter chain was built, so it also holds for requests to cold, wildcard and
differently spelled hosts, whose chain is built before their route is known (docs/decisions/025-policy-filters.md).
"""
