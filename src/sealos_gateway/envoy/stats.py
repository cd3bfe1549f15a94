"""How Envoy names its statistics, so that a metric has one name and a backend is a label of it.

Envoy takes the name of a cluster to end at its first dot; ours have dots (`outbound|80||web.shop.svc.cluster.local`),
and each namespace would have metrics of its own name. Statistics per host and per certificate subscription are not kept
at all: with 100,000 hosts they would be most of what there is, and they say nothing that a person asks.
"""

from __future__ import annotations

import re
from typing import Any, Final

#: What Envoy finds out by itself, as far as our configuration has it. Its own rule for clusters would win over ours.
_USUAL_TAGS: Final = (
    "envoy.response_code",
    "envoy.response_code_class",
    "envoy.http_conn_manager_prefix",
    "envoy.listener_address",
    "envoy.worker_id",
    "envoy.scoped_rds_config",
    "envoy.ssl_cipher",
    "envoy.ssl_version",
    "envoy.local_http_ratelimit_prefix",
    "envoy.tcp_prefix",
)
#: Envoy looks at prefixes without making the whole name; other patterns would cost at each new statistic.
_NOT_KEPT: Final = ("http.http.rds.", "http.https.rds.", "sds.")


def config(cluster_domain: str, istio_labels: bool = False) -> dict[str, Any]:
    """envoy.config.metrics.v3.StatsConfig as JSON. `cluster_domain` is the suffix of cluster names: `cluster.local`.

    With `istio_labels` the name of a cluster is also the label `cluster_name`, as Istio and Higress have it.
    """
    backend = rf"^cluster\.((.+?(?:\.[^.]+\.svc\.{re.escape(cluster_domain)})?)\.)"
    tags = [{"tag_name": name} for name in _USUAL_TAGS]
    tags.append({"tag_name": "envoy.cluster_name", "regex": backend})
    if istio_labels:
        tags.append({"tag_name": "cluster_name", "regex": backend})
    certificate = r"^listener\..+?\.ssl\.certificate\.((.+)\.)expiration_unix_time_seconds$"
    tags.append({"tag_name": "envoy.certificate", "regex": certificate})
    # Listeners of Gateways have prefixes of their own, which cannot be listed: at least hosts are labels there.
    tags.append({"tag_name": "envoy.rds_route_config", "regex": r"^http\.gateway/[^.]*\.rds\.((.+)\.)\w+$"})
    patterns = [{"prefix": prefix} for prefix in _NOT_KEPT]
    return {
        "use_all_default_tags": False,
        "stats_tags": tags,
        "stats_matcher": {"exclusion_list": {"patterns": patterns}},
    }
