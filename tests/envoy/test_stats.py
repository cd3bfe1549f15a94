"""Which statistics are kept. What Envoy makes of the patterns is shown in `e2e/test_statistics.py`."""

from __future__ import annotations

import re
from typing import Any

import pytest
from google.protobuf import json_format

from sealos_gateway.envoy import api, stats

#: The namespaces are words that occur in names of statistics, too.
BACKENDS = (
    "outbound|80||web.shop.svc.cluster.local",
    "outbound|80||http1.external.svc.cluster.local",
    "outbound|80||ssl.http1.svc.cluster.local",
    "outbound|80||version.circuit_breakers.svc.cluster.local",
    "sealos-passwords",
)
KEPT = (
    "membership_healthy",
    "membership_total",
    "outlier_detection.ejections_active",
    "outlier_detection.ejections_enforced_total",
    "ssl.connection_error",
    "ssl.fail_verify_san",
    "ssl.handshake",
    "udp.sess_tx_errors",
    "update_failure",
    "upstream_cx_active",
    "upstream_cx_connect_fail",
    "upstream_cx_connect_timeout",
    "upstream_cx_destroy_remote_with_active_rq",
    "upstream_cx_none_healthy",
    "upstream_cx_overflow",
    "upstream_cx_rx_bytes_total",
    "upstream_cx_total",
    "upstream_cx_tx_bytes_total",
    "upstream_rq_503",
    "upstream_rq_5xx",
    "upstream_rq_active",
    "upstream_rq_pending_overflow",
    "upstream_rq_per_try_timeout",
    "upstream_rq_retry",
    "upstream_rq_retry_overflow",
    "upstream_rq_retry_success",
    "upstream_rq_rx_reset",
    "upstream_rq_time",
    "upstream_rq_timeout",
    "upstream_rq_total",
)
GONE = (
    "circuit_breakers.high.rq_pending_open",
    "default.total_match_count",
    "external.upstream_rq_503",
    "http1.response_flood",
    "internal.upstream_rq_time",
    "lb_zone_cluster_too_small",
    "ssl.ciphers.TLS_AES_128_GCM_SHA256",
    "update_success",
    "upstream_cx_connect_ms",
    "upstream_rq_pending_active",
    "zone.a.b.upstream_rq_2xx",
)


def config(**options: Any) -> Any:
    """As the message that it is."""
    return json_format.ParseDict(stats.config("cluster.local", **options), api.stats.StatsConfig())


def kept(name: str, everything: bool = False) -> bool:
    """Whether Envoy keeps a statistic."""
    patterns = config(everything=everything).stats_matcher.exclusion_list.patterns
    prefixes = [it.prefix for it in patterns if it.prefix]
    expressions = [it.safe_regex.regex for it in patterns if it.HasField("safe_regex")]
    return not (any(map(name.startswith, prefixes)) or any(re.fullmatch(it, name) for it in expressions))


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_people_ask_of_a_backend_is_kept_and_nothing_else(backend: str) -> None:
    assert [name for name in KEPT if not kept(f"cluster.{backend}.{name}")] == []
    assert [name for name in GONE if kept(f"cluster.{backend}.{name}")] == []


def test_of_what_is_no_backend_all_is_kept_but_hosts() -> None:
    for name in (
        "http.http.downstream_rq_2xx",
        "cluster_manager.cds.update_success",
        "listener.x.http1.y",
        "server.live",
    ):
        assert kept(name), name
    for name in ("http.http.rds.a.test.update_attempt", "http.gateway/shop.edge/80.rds.a|b.test.config_reload"):
        assert not kept(name), name


def test_everything_is_kept_when_it_is_asked_for() -> None:
    assert [name for name in (*KEPT, *GONE) if not kept(f"cluster.{BACKENDS[0]}.{name}", everything=True)] == []
    assert kept("http.gateway/shop.edge/80.rds.a|b.test.config_reload", everything=True)
    assert not kept("http.http.rds.a.test.update_attempt", everything=True)
    assert not config(everything=True).histogram_bucket_settings


def test_bounds_of_times_rise() -> None:
    (found,) = config().histogram_bucket_settings
    assert list(found.buckets) == sorted(set(found.buckets))


def test_the_label_of_istio_is_beside_ours_when_asked_for() -> None:
    for asked, wanted in ((False, 0), (True, 1)):
        found = config(istio_labels=asked)
        assert [tag.tag_name for tag in found.stats_tags].count("cluster_name") == wanted
        assert "envoy.cluster_name" in [tag.tag_name for tag in found.stats_tags]
