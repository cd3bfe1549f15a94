"""How a Service is reached, as a BackendPolicy of the Service, or a BackendTLSPolicy where that is enough."""

from __future__ import annotations

from typing import Any

from sealos_gateway.migrate.gateway_api import texts
from sealos_gateway.migrate.gateway_api.texts import InexpressibleError
from sealos_gateway.model.backend_policy import ActiveCheck, BackendPolicy, BackendTls, Balance, PassiveCheck, Protocol
from sealos_gateway.model.policy import Affinity
from sealos_gateway.model.template import Of, Template
from sealos_gateway.resources.policies import backend, common

_BALANCES = {
    Balance.LEAST_REQUEST: "LeastRequest", Balance.ROUND_ROBIN: "RoundRobin", Balance.RANDOM: "Random",
    Balance.RING_HASH: "RingHash", Balance.MAGLEV: "Maglev",
}  # fmt: skip
_PROTOCOLS = {Protocol.HTTP1: "HTTP", Protocol.H2C: "H2C", Protocol.HTTPS: "HTTPS", Protocol.HTTPS2: "GRPCS"}
_SOURCES = {
    Of.REQUEST_HEADER: "Header", Of.COOKIE: "Cookie", Of.QUERY_PARAMETER: "QueryParameter", Of.PATH: "Path",
    Of.CLIENT_ADDRESS: "ClientAddress", Of.PATH_AND_QUERY: "PathAndQuery", Of.HOST: "Host", Of.AUTHORITY: "Host",
}  # fmt: skip
_NAMED = (Of.REQUEST_HEADER, Of.COOKIE, Of.QUERY_PARAMETER)


def backend_policy(
    policy: BackendPolicy, namespace: str, hash_by: tuple[Template, ...] = (), affinity: Affinity | None = None
) -> dict[str, Any]:
    """Fields of `BackendPolicySpec` but for the targets. Raises InexpressibleError."""
    found: dict[str, Any] = {}
    if policy.balance is not None or hash_by or policy.slow_start:
        algorithm = _BALANCES[policy.balance or (Balance.MAGLEV if hash_by else Balance.LEAST_REQUEST)]
        keys = tuple(map(_key, hash_by))
        slow = texts.duration(policy.slow_start) if policy.slow_start else None
        found["load_balancing"] = backend.LoadBalancing(algorithm, keys, slow)  # type: ignore[arg-type]
    if affinity is not None:
        found["session_affinity"] = _affinity(affinity)
    if policy.active is not None or policy.passive is not None:
        found["health_check"] = _checks(policy)
    if (limits := policy.limits) is not None:
        found["circuit_breaker"] = backend.CircuitBreaker(
            limits.connections or None, limits.pending or None, limits.requests or None, limits.retries or None
        )
    if (policy.connect_timeout, policy.idle_timeout) != (None, None):
        connect, idle = policy.connect_timeout, policy.idle_timeout
        found["timeouts"] = backend.BackendTimeouts(
            connect=None if connect is None else texts.duration(connect),
            connection_idle=None if idle is None else texts.duration(idle),
        )
    if policy.protocol is not None:
        found["protocol"] = _PROTOCOLS[policy.protocol]
    if policy.tls is not None or policy.protocol in (Protocol.HTTPS, Protocol.HTTPS2):
        found["tls"] = _tls(policy.tls or BackendTls(), namespace)
    if (connection := _connection(policy)) != backend.Connection():
        found["connection"] = connection
    if policy.service_address:
        found["use_service_address"] = True
    if policy.fallback is not None:
        if policy.fallback[0] != namespace:
            raise InexpressibleError("a default backend of another namespace")
        found["fallback"] = backend.LocalServiceReference(*policy.fallback[1:])
    return found


def _connection(policy: BackendPolicy) -> backend.Connection:
    return backend.Connection(
        policy.requests_per_connection or None,
        policy.buffer_bytes or None,
        f"{policy.max_response_headers_kb}Ki" if policy.max_response_headers_kb else None,
        texts.duration(policy.tcp_keepalive) if policy.tcp_keepalive else None,
        f"V{policy.proxy_protocol}" if policy.proxy_protocol else None,  # type: ignore[arg-type]
    )


def _key(template: Template) -> backend.HashKey:
    (variable,) = template.variables
    named = variable.name if variable.of in _NAMED else None
    return backend.HashKey(_SOURCES[variable.of], named)  # type: ignore[arg-type]


def _affinity(wanted: Affinity) -> backend.SessionAffinity:
    if not wanted.persistent:
        raise InexpressibleError(
            "a cookie that is hashed (affinity-mode: balanced); it would name the endpoint instead"
        )
    age = None if wanted.max_age is None else texts.duration(wanted.max_age)
    cookie = backend.SessionCookie(
        wanted.cookie, wanted.path, wanted.domain, age,
        wanted.same_site,  # type: ignore[arg-type]
        wanted.secure, wanted.http_only,
    )  # fmt: skip
    return backend.SessionAffinity(cookie)


def _checks(policy: BackendPolicy) -> backend.HealthCheck:
    active = _active(policy.active) if policy.active is not None else None
    return backend.HealthCheck(active, _passive(policy.passive) if policy.passive is not None else None)


def _passive(check: PassiveCheck) -> backend.PassiveHealthCheck:
    return backend.PassiveHealthCheck(
        check.consecutive_errors, check.local_only, texts.duration(check.interval),
        texts.duration(check.base_seconds), check.max_percent,
    )  # fmt: skip


def _active(check: ActiveCheck) -> backend.ActiveHealthCheck:
    return backend.ActiveHealthCheck(
        "GRPC" if check.grpc else "HTTP" if check.path else "TCP", check.path or "/", check.host or None,
        texts.duration(check.interval), texts.duration(check.timeout), check.unhealthy, check.healthy,
        tuple(backend.CodeRange(*it) for it in check.statuses),
    )  # fmt: skip


def _tls(tls: BackendTls, namespace: str) -> backend.BackendTls:
    reference, shown = None, tls.certificate
    if len(tls.authorities) > 1:
        raise InexpressibleError("several authorities; put their certificates into one Secret")
    for authority in tls.authorities:
        elsewhere = None if authority.ref.namespace == namespace else authority.ref.namespace
        reference = common.AuthorityReference(authority.ref.name, authority.kind, elsewhere)  # type: ignore[arg-type]
    certificate = None
    if shown is not None:
        certificate = common.SecretReference(shown.name, None if shown.namespace == namespace else shown.namespace)
    return backend.BackendTls(
        server_name=tls.server_name or None,
        insecure_skip_verify=not tls.verify,
        ca_certificate_ref=reference,
        system_authorities=tls.system_trust,
        subject_alt_names=(*tls.names, *tls.uris),
        client_certificate_ref=certificate,
        verify_depth=tls.verify_depth,
        min_version=f"TLSv{tls.min_version}" if tls.min_version else None,  # type: ignore[arg-type]
        max_version=f"TLSv{tls.max_version}" if tls.max_version else None,  # type: ignore[arg-type]
        ciphers=tls.ciphers,
    )


def as_gateway_api(policy: BackendPolicy) -> dict[str, Any] | None:
    """`validation` of a BackendTLSPolicy, where that says all there is: TLS, checked against an authority, under a
    name."""
    tls = policy.tls
    if tls is None or tls != BackendTls(tls.server_name, True, tls.authorities):
        return None
    if not tls.server_name or not tls.authorities or policy != BackendPolicy(protocol=Protocol.HTTPS, tls=tls):
        return None
    references = [{"group": "", "kind": it.kind, "name": it.ref.name} for it in tls.authorities]
    return {"hostname": tls.server_name, "caCertificateRefs": references}
