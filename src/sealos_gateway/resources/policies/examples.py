"""One example for each field of our policies, as users write them. `docs/policies.md` shows them, tests read them."""

from __future__ import annotations

from typing import Final

TRAFFIC: Final = {
    "targetRefs": "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: web, sectionName: api}]",
    "timeouts": "timeouts: {request: 30s, backendRequest: 10s, idle: 1m}",
    "retry": "retry: {attempts: 2, triggers: [connect-failure, reset], codes: [503], backoff: 25ms, maxBackoff: 250ms}",
    "requestHeaders": """\
requestHeaders:
  set: [{name: X-Team, value: shop}]
  add: [{name: X-Asked-For, template: $host}]
  remove: [X-Debug]""",
    "responseHeaders": """\
responseHeaders:
  set: [{name: X-Frame-Options, value: DENY}]
  addIfAbsent: [{name: Cache-Control, value: no-store}]
  replace: [{name: Server, value: shop}]
  remove: [X-Powered-By]""",
    "cors": """\
cors:
  allowOrigins: ["https://*.example.com"]
  allowMethods: [GET, PUT]
  allowHeaders: [X-Custom]
  allowCredentials: true
  maxAge: 24h""",
    "maxRequestBodySize": "maxRequestBodySize: 8Mi",
    "requestBuffering": "requestBuffering: true",
    "compression": "compression: {contentTypes: [text/html, application/json], minSize: 1Ki, level: 5}",
    "rateLimits": """\
rateLimits:
- {requests: 10, interval: 1s, burst: 50, exempt: [10.0.0.0/8]}
- {requests: 1000, interval: 1m, per: Route}""",
    "connectionLimit": "connectionLimit: {perClient: 20}",
    "bandwidth": "bandwidth: {response: 1Mi}",
    "mirrors": "mirrors: [{backendRef: {name: canary, port: 80}, percent: 10}]",
    "errorPages": "errorPages: {codes: [404, 503], backendRef: {name: pages, port: 80}}",
    "rewrite": r"rewrite: {pattern: '^/v[0-9]+/(.*)', substitution: '/\1', hostname: inner.example.com}",
    "cookieRewrites": "cookieRewrites: [{attribute: Domain, from: inner.example.com, to: example.com}]",
    "locationRewrites": 'locationRewrites: [{from: "http://inner.example.com/", to: "https://example.com/"}]',
    "tracing": "tracing: {enabled: true, operation: $request_method $uri}",
    "accessLog": "accessLog: {enabled: false}",
}
SECURITY: Final = {
    "targetRefs": "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: public, sectionName: web}]",
    "ipRestriction": "ipRestriction: {allow: [10.0.0.0/8, 192.0.2.7], deny: [10.9.0.0/16]}",
    "basicAuth": "basicAuth: {secretRef: {name: users}, realm: shop}",
    "externalAuth": """\
externalAuth:
  url: http://auth.sso.svc.cluster.local/verify
  signInURL: https://login.example.com/
  headersToBackend: [X-User]
  cache: {key: $http_authorization, durations: [{codes: [200], duration: 5m}]}""",
    "clientTLS": "clientTLS: {caCertificateRef: {name: people}, mode: Optional, minVersion: TLSv1.2}",
    "satisfy": "satisfy: Any",
}
BACKEND: Final = {
    "targetRefs": 'targetRefs: [{group: "", kind: Service, name: web, sectionName: http}]',
    "loadBalancing": "loadBalancing: {algorithm: Maglev, hashOn: [{source: Header, name: X-User}]}",
    "sessionAffinity": "sessionAffinity: {cookie: {name: SESSION, maxAge: 1h, sameSite: Lax, secure: true}}",
    "healthCheck": """\
healthCheck:
  active: {path: /healthz, interval: 5s, unhealthyThreshold: 2}
  passive: {consecutiveErrors: 5, baseEjectionTime: 30s}""",
    "circuitBreaker": "circuitBreaker: {maxConnections: 1000, maxPendingRequests: 100, retryBudget: {percent: 20}}",
    "timeouts": "timeouts: {connect: 2s, read: 30s, connectionIdle: 1m}",
    "protocol": "protocol: H2C",
    "tls": "tls: {serverName: web.example.com, caCertificateRef: {name: roots, kind: ConfigMap}}",
    "connection": "connection: {maxRequests: 1000, tcpKeepalive: 1m, proxyProtocol: V2}",
    "useServiceAddress": "useServiceAddress: true",
    "fallback": "fallback: {name: sorry, port: 80}",
}
