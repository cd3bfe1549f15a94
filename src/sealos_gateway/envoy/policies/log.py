"""Requests that shall not be in the access log: marked by envoy.extensions.filters.http.set_metadata.v3.Config."""

from __future__ import annotations

from collections.abc import Iterator

from sealos_gateway.envoy import api
from sealos_gateway.model.policy import Policy

NAMESPACE, KEY = "sealos.log", "off"


def filters(policy: Policy) -> Iterator[tuple[str, api.Message]]:
    """The mark is what the access log's filter looks for (`envoy.access_log`)."""
    if not policy.access_log:
        config = api.set_metadata.Config()
        config.metadata.add(metadata_namespace=NAMESPACE).value.update({KEY: True})
        yield "envoy.filters.http.set_metadata", api.pack(config)
