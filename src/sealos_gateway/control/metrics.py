"""What a control plane tells of its nodes (Prometheus): read when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sealos_gateway.clock import Clock
from sealos_gateway.control.server import NodeServer


class ControlMetrics(Collector):
    """See the text of this module."""

    def __init__(self, clock: Clock, server: NodeServer) -> None:
        self._clock, self._server = clock, server

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        yield GaugeMetricFamily("sgw_nodes", "Nodes that follow this replica", value=self._server.connected)
        made, now = self._server.certificate, self._clock.now()
        if made is not None:
            ends = GaugeMetricFamily(
                "sgw_certificate_expiry_seconds", "Until the certificate ends", labels=["certificate"]
            )
            ends.add_metric(["server"], (made.current().not_after - now).total_seconds())
            ends.add_metric(["authority"], (made.authority.not_after - now).total_seconds())
            yield ends
        yield CounterMetricFamily("sgw_nodes_admitted", "Certificates given to nodes", value=self._server.enrolled)
        yield CounterMetricFamily(
            "sgw_node_resources_sent", "Resources sent to nodes, and removals", value=self._server.sent
        )
        yield CounterMetricFamily("sgw_nodes_refused", "Calls of nodes that were refused", value=self._server.refused)
