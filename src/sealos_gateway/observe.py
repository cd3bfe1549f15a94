"""Metrics of the control plane (Prometheus)."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sealos_gateway.envoy import names
from sealos_gateway.model.problem import Problem
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.xds.fleet import Fleet, Rejection


class Metrics:
    """Counters that are fed, and gauges that are read from the tables when somebody asks."""

    def __init__(
        self, pipeline: Pipeline, fleet: Fleet, problems: Callable[[], Iterable[Problem]] | None = None
    ) -> None:
        self._pipeline = pipeline
        self._fleet = fleet
        self._problems = problems or pipeline.problems
        self._registry = CollectorRegistry()
        self._settles = Histogram(
            "sgw_settle_seconds", "Time from a change to its commit", registry=self._registry,
            buckets=(0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
        )  # fmt: skip
        self.rejections = Counter(
            "sgw_rejections", "Resources an Envoy refused (NACK)", ["type"], registry=self._registry
        )
        self._registry.register(self)
        self._refused: set[Rejection] = set()
        fleet.on_change(self._count_rejections)

    def _count_rejections(self) -> None:
        now = set(self._fleet.rejections())
        for rejection in now - self._refused:
            self.rejections.labels(names.SHORT.get(rejection.type, rejection.type)).inc()
        self._refused = now

    def also(self, collector: Collector) -> None:
        """Show what somebody else counts."""
        self._registry.register(collector)

    def settled(self, seconds: float) -> None:
        self._settles.observe(seconds)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        objects = GaugeMetricFamily("sgw_objects", "Objects known, by kind", labels=["kind"])
        for kind, table in self._pipeline.by_kind.items():
            objects.add_metric([kind.title], len(table))
        yield objects
        yield GaugeMetricFamily("sgw_hosts", "Hosts served", value=len(self._pipeline.host_keys()))
        problems = GaugeMetricFamily("sgw_problems", "Problems of objects, by reason", labels=["reason"])
        for reason, number in Count(problem.reason for problem in self._problems()).items():
            problems.add_metric([reason], number)
        yield problems
        rejected = GaugeMetricFamily("sgw_rejected_resources", "Resources that an Envoy refuses at present")
        rejected.add_metric([], len(self._fleet.rejections()))
        yield rejected
        yield GaugeMetricFamily("sgw_derivation_failures", "Rows kept at their last good value after an internal error",
                                value=len(self._pipeline.graph.failures))  # fmt: skip
        yield from self._push()
        yield GaugeMetricFamily("sgw_revision", "Revision of the snapshot", value=self._pipeline.snapshot.revision)
        yield GaugeMetricFamily("sgw_acknowledged_revision", "Revision that every connected Envoy has, 0 without one",
                                value=self._acknowledged())  # fmt: skip

    def _push(self) -> Iterator[Metric]:
        pace, batch = self._pipeline.pace, self._pipeline.pieces[names.CLUSTER]
        counters = (
            ("sgw_endpoint_changes", "Changes of the endpoints of Service ports in use", pace.changes),
            ("sgw_endpoint_pushes", "Endpoint sets published to Envoys", pace.pushes),
            ("sgw_endpoint_pushes_saved", "Changes of endpoints that needed no push of their own", pace.saved),
        )
        for name, text, value in counters:
            yield CounterMetricFamily(name, text, value=value)
        yield GaugeMetricFamily("sgw_endpoints_held_back", "Service ports whose newest endpoints wait", pace.held())
        yield GaugeMetricFamily("sgw_cds_batch_size", "Most clusters in one response to an Envoy", batch)

    def _acknowledged(self) -> int:
        """Of every type on every stream the smallest; a type that an Envoy has not asked for yet does not count."""
        connected = (node.types.values() for node in self._fleet.nodes() if node.connected)
        return min((progress.acked for types in connected for progress in types), default=0)

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self._registry)
