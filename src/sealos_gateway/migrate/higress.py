"""What Higress reads of ingress-nginx' annotations. The others have no effect there, whatever its guide says.

Source: the parsers of Higress v2.2.4 (pkg/ingress/kube/annotations).
"""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import NGINX

READS = frozenset({
    "affinity", "affinity-canary-behavior", "affinity-mode", "allowlist-source-range", "app-root",
    "auth-tls-secret", "backend-protocol", "canary", "canary-by-cookie", "canary-by-header",
    "canary-by-header-pattern", "canary-by-header-value", "canary-weight", "canary-weight-total",
    "cors-allow-credentials", "cors-allow-headers", "cors-allow-methods", "cors-allow-origin",
    "cors-expose-headers", "cors-max-age", "custom-http-errors", "default-backend", "enable-cors",
    "force-ssl-redirect", "ignore-path-case", "load-balance", "permanent-redirect", "permanent-redirect-code",
    "proxy-next-upstream", "proxy-next-upstream-timeout", "proxy-next-upstream-tries", "proxy-ssl-name",
    "proxy-ssl-secret", "proxy-ssl-server-name", "proxy-ssl-verify", "rewrite-target", "session-cookie-expires",
    "session-cookie-max-age", "session-cookie-name", "session-cookie-path", "ssl-passthrough", "ssl-redirect",
    "temporal-redirect", "upstream-hash-by", "upstream-vhost", "use-regex", "whitelist-source-range",
})  # fmt: skip


def ignores(name: str) -> bool:
    """Whether an annotation has no effect in Higress."""
    return name.startswith(NGINX) and name.removeprefix(NGINX) not in READS
