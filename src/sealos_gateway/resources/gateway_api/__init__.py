"""Kinds of gateway.networking.k8s.io, as release v1.6.1 of the Gateway API defines them (experimental fields included).

`meta` has what all of them share: metadata, conditions, references. `gateways` holds GatewayClass, Gateway and
ListenerSet, `routes` the five kinds of routes, `filters` what their rules do to requests, `policies` ReferenceGrant and
BackendTLSPolicy. Absent fields get the defaults that the custom resource definitions would set, because a manifest from
a file has met no API server. Nothing else is judged here: a value nobody knows is kept as text, so that one new word
in an object does not cost the whole object, and `translate` says what is wrong with it.
"""
