"""How Envoy names its statistics, and which of them it keeps (decisions 019 and 042).

Envoy takes the name of a cluster to end at its first dot; ours have dots (`outbound|80||web.shop.svc.cluster.local`),
and each namespace would have metrics of its own name. What is kept of one backend is kept thousands of times: unless
everything is asked for, only what answers a question that a person asks. What goes is listed, not what stays, so that a
newer Envoy loses nothing that nobody decided about.
"""

from __future__ import annotations

import re
from typing import Any, Final

#: A message as JSON.
Json = dict[str, Any]

#: What Envoy finds out by itself, as far as our configuration has it. Its own rule for clusters would win over ours.
_USUAL_TAGS: Final = (
    "envoy.response_code",
    "envoy.response_code_class",
    "envoy.listener_address",
    "envoy.worker_id",
    "envoy.scoped_rds_config",
    "envoy.ssl_cipher",
    "envoy.ssl_version",
    "envoy.local_http_ratelimit_prefix",
    "envoy.tcp_prefix",
)
#: Never kept: per host and per certificate. Of these Envoy remembers nothing, as a prefix is compared without the name.
_NEVER: Final = ("http.http.rds.", "http.https.rds.", "sds.")

#: What is not kept of a backend, as the end of a name: with only so many dots, for a namespace may be called `http1`.
_NOT_OF_A_BACKEND: Final = (
    # Requests, once more for clients from inside and outside, for canaries and for zones, which we do not tell apart.
    r"(external|internal|canary)\.upstream_rq_\w+",
    r"zone\.[^.]+\.[^.]+\.upstream_rq_\w+",
    # Requests: sums of what is kept, waits shorter than a scrape, features that our clusters do not use.
    r"upstream_rq_(completed|cancelled|maintenance_mode|max_duration_reached|0rtt|active_overflow)",
    r"upstream_rq_(pending_active|pending_total|per_try_idle_timeout|per_cx|retry_backoff_\w+|retry_limit_exceeded)",
    r"upstream_(internal_redirect|flow_control|http3|queue)_\w+",
    r"(retry_or_shadow_abandoned|default\.total_match_count)",
    # Connections: how they ended (but those a backend cut with a request on them), of which protocol, for how long.
    r"upstream_cx_(destroy|destroy_local|destroy_remote|destroy_local_with_active_rq|destroy_with_active_rq)",
    r"upstream_cx_(close_notify|connect_attempts_exceeded|connect_with_0_rtt|http[123]_total|idle_timeout|max_\w+)",
    r"upstream_cx_(pool_overflow|preconnect_skipped|[rt]x_bytes_buffered|connect_ms|length_ms)",
    r"(http[123]|client_ssl_socket_factory|server_ssl_socket_factory)\.\w+",
    r"ssl\.((ciphers|curves|sigalgs|versions)\.[^.]+|ocsp_\w+|session_reused|no_certificate|was_key_usage_invalid)",
    # Limits that are reached are counted by `_overflow`; the gauges of each limit are filled from the start.
    r"circuit_breakers\.\w+\.\w+",
    # How endpoints came: the control plane knows. Failures of DNS (`update_failure`) are kept.
    r"(version|version_text|warming_state|init_fetch_timeout|assignment_\w+)",
    r"update_(attempt|duration|empty|no_rebuild|rejected|success|time)",
    r"(membership_(change|degraded|excluded)|max_host_weight|bind_errors|original_dst_host_invalid)",
    r"(lb_\w+|(ring_hash|maglev)_lb\.\w+)",
)
#: A port of a Gateway: its data plane, which has dots, and a number.
_PORT: Final = r"gateway/[^/]*/\d+"
_NOT_OF_A_HOST: Final = rf"^http\.{_PORT}\.rds\..+"

#: Bounds in milliseconds, some of Envoy's own nineteen, so that queries go over both; each is a time series.
_BOUNDS: Final = (5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30000)
#: Bins that a histogram begins with; Envoy's 100 are 1.6 kB for each worker.
_BINS: Final = 4


def config(cluster_domain: str, istio_labels: bool = False, everything: bool = False) -> Json:
    """envoy.config.metrics.v3.StatsConfig as JSON. `cluster_domain` is the suffix of cluster names: `cluster.local`.

    With `istio_labels` the name of a cluster is also the label `cluster_name`, as Istio and Higress have it. With
    `everything` all is kept of each backend.
    """
    backend = rf"^cluster\.((.+?(?:\.[^.]+\.svc\.{re.escape(cluster_domain)})?)\.)"
    tags = [{"tag_name": name} for name in _USUAL_TAGS]
    tags.append({"tag_name": "envoy.cluster_name", "regex": backend})
    if istio_labels:
        tags.append({"tag_name": "cluster_name", "regex": backend})
    certificate = r"^listener\..+?\.ssl\.certificate\.((.+)\.)expiration_unix_time_seconds$"
    tags.append({"tag_name": "envoy.certificate", "regex": certificate})
    manager = rf"^(?:http|listener\..+?\.http)\.(({_PORT}|[^.]+)\.)"
    tags.append({"tag_name": "envoy.http_conn_manager_prefix", "regex": manager})
    tags.append({"tag_name": "envoy.rds_route_config", "regex": rf"^http\.{_PORT}\.rds\.((.+)\.)\w+$"})
    patterns: list[Json] = [{"prefix": prefix} for prefix in _NEVER]
    found: Json = {
        "use_all_default_tags": False,
        "stats_tags": tags,
        "stats_matcher": {"exclusion_list": {"patterns": patterns}},
    }
    if not everything:
        ends = (rf"^cluster\..+\.{end}$" for end in _NOT_OF_A_BACKEND)
        patterns += ({"safe_regex": {"regex": one}} for one in (_NOT_OF_A_HOST, *ends))
        times = {"match": {"suffix": ".upstream_rq_time"}, "buckets": list(_BOUNDS), "bins": _BINS}
        found["histogram_bucket_settings"] = [times]
    return found
