"""Annotations of an IngressClass or a Gateway: how fast changes may reach Envoy."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Annotation

CDS_BATCH_SIZE = Annotation(
    ("sealos.io/cds-batch-size",),
    kind="IngressClass, Gateway",
    values='a whole number from 1 to 100000, such as `"100"`; anything else is reported and read as absent',
    default="the setting `push.cds_batch_size`",
    meaning="Most clusters in one response to an Envoy; the next goes when it has acknowledged that one."
    " All classes and Gateways come to an Envoy in one stream, so the smallest that any of ours asks for counts.",
    test="tests/e2e/test_push_control.py::test_clusters_come_in_batches_of_the_size_that_holds_at_that_moment",
)
EDS_CACHE_TTL = Annotation(
    ("sealos.io/eds-cache-ttl",),
    kind="IngressClass, Gateway",
    values="a duration with a unit, at most one hour, such as `60s` or `1m30s`; `0s` turns it off;"
    " anything else is reported and read as absent",
    default="the setting `push.eds_cache_seconds`",
    meaning="New endpoints and weights of a Service port that Ingresses of this class, or routes of this Gateway, lead"
    " to reach Envoy at most once in that time: the first at once, the rest together. An endpoint that goes, or is no"
    " longer ready, is told at once, and with it all that was held back; so is the first endpoint of a Service that had"
    " none. Where several classes or Gateways lead to one Service port, the shortest time counts.",
    test="tests/e2e/test_push_control.py::test_additions_wait_and_removals_take_them_along",
)

ALL = (CDS_BATCH_SIZE, EDS_CACHE_TTL)
