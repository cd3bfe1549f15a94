"""BackendPolicy to fields of `BackendPolicy` of the model, and to those of `Policy` that routes to the Service get."""

from __future__ import annotations

import math
from typing import Any

from sealos_gateway.live import Read
from sealos_gateway.model.backend_policy import ActiveCheck, BackendTls, Balance, Limits, PassiveCheck, Protocol
from sealos_gateway.model.policy import Affinity, Timeouts
from sealos_gateway.model.template import Of, Template, Variable
from sealos_gateway.resources.policies import backend as api
from sealos_gateway.translate import certificates
from sealos_gateway.translate.annotations.upstream import CIPHERS, PROTOCOLS
from sealos_gateway.translate.gateway_api.world import GatewayWorld
from sealos_gateway.translate.policies.reading import Reader, size
from sealos_gateway.translate.policies.said import Said
from sealos_gateway.translate.world import World

_ALGORITHMS = {
    "LeastRequest": Balance.LEAST_REQUEST,
    "RoundRobin": Balance.ROUND_ROBIN,
    "Random": Balance.RANDOM,
    "RingHash": Balance.RING_HASH,
    "Maglev": Balance.MAGLEV,
}
_HASHING = (Balance.RING_HASH, Balance.MAGLEV)
_SLOW = (Balance.LEAST_REQUEST, Balance.ROUND_ROBIN)
_SOURCES = {
    "Header": Of.REQUEST_HEADER,
    "Cookie": Of.COOKIE,
    "QueryParameter": Of.QUERY_PARAMETER,
    "ClientAddress": Of.CLIENT_ADDRESS,
    "Path": Of.PATH,
    "PathAndQuery": Of.PATH_AND_QUERY,
    "Host": Of.HOST,
}
_NAMED = ("Header", "Cookie", "QueryParameter")
_LARGEST_HEADERS = 8192


def said(policy: api.BackendPolicy, read: Read, world: World, gateways: GatewayWorld) -> Said:
    """What a BackendPolicy says. TLS that cannot be spoken as it says closes the Service: it is never left out."""
    reader, spec = Reader(api.KIND, policy, read, world, gateways), policy.spec
    route: dict[str, Any] = {}
    if spec.load_balancing is not None:
        _balance(reader, spec.load_balancing, route)
    if spec.session_affinity is not None:
        _affinity(reader, spec.session_affinity.cookie, route)
    if spec.health_check is not None:
        _checks(reader, spec.health_check)
    if (limits := spec.circuit_breaker) is not None:
        reader.fields["limits"] = Limits(
            limits.max_connections or 0, limits.max_pending_requests or 0,
            limits.max_parallel_requests or 0, limits.max_parallel_retries or 0,
            *((budget.percent, budget.min_parallel_retries) if (budget := limits.retry_budget) else ()),
        )  # fmt: skip
    if spec.timeouts is not None:
        _times(reader, spec.timeouts, route)
    if spec.protocol is not None:
        reader.fields["protocol"] = PROTOCOLS[spec.protocol]
    if spec.connection is not None:
        _connection(reader, spec.connection)
    if spec.use_service_address is not None:
        reader.fields["service_address"] = spec.use_service_address
    if spec.fallback is not None and (key := reader.service("spec.fallback", spec.fallback.anywhere)):
        reader.fields["fallback"] = key[:3]
    unresolved = len(reader.unresolved)
    if spec.tls is not None:
        _tls(reader, spec.tls, spec.protocol)
    closed = spec.tls is not None and (bool(reader.invalid) or len(reader.unresolved) > unresolved)
    return reader.done(spec.target_refs, route_fields=() if reader.invalid else tuple(route.items()), closed=closed)


def _balance(reader: Reader, wanted: api.LoadBalancing, route: dict[str, Any]) -> None:
    field, balance = "spec.loadBalancing", _ALGORITHMS[wanted.algorithm]
    reader.fields["balance"] = balance
    if (balance in _HASHING) != bool(wanted.hash_on):
        reader.wrong(f"{field}.hashOn", "it is needed for RingHash and Maglev, and only for those")
    keys = []
    for number, one in enumerate(wanted.hash_on):
        if (one.source in _NAMED) != bool(one.name):
            reader.wrong(f"{field}.hashOn[{number}].name", f"it is needed for {', '.join(_NAMED)}, and only for those")
        name = (one.name or "").lower() if one.source == "Header" else one.name or ""
        keys.append(Template((Variable(_SOURCES[one.source], name),)))
    route["hash_by"] = tuple(keys)
    if wanted.slow_start is not None:
        if balance not in _SLOW:
            reader.wrong(f"{field}.slowStart", "only LeastRequest and RoundRobin start slowly")
        reader.fields["slow_start"] = reader.seconds(f"{field}.slowStart", wanted.slow_start) or 0.0


def _affinity(reader: Reader, wanted: api.SessionCookie, route: dict[str, Any]) -> None:
    age = reader.seconds("spec.sessionAffinity.cookie.maxAge", wanted.max_age)
    route["affinity"] = Affinity(
        wanted.name, wanted.path, wanted.domain, None if age is None else int(age), wanted.same_site,
        wanted.secure, wanted.http_only,
    )  # fmt: skip


def _checks(reader: Reader, wanted: api.HealthCheck) -> None:
    if (active := wanted.active) is not None:
        field = "spec.healthCheck.active"
        if odd := [it for it in active.expected_codes if it.start > it.end]:
            reader.wrong(f"{field}.expectedCodes", f"{odd[0].start} is above {odd[0].end}")
        reader.fields["active"] = ActiveCheck(
            path=active.path if active.type == "HTTP" else "",
            host=active.hostname or "",
            interval=reader.seconds(f"{field}.interval", active.interval, 0.1) or 1.0,
            timeout=reader.seconds(f"{field}.timeout", active.timeout, 0.001) or 1.0,
            unhealthy=active.unhealthy_threshold,
            healthy=active.healthy_threshold,
            statuses=tuple((it.start, it.end) for it in active.expected_codes) or ActiveCheck().statuses,
            grpc=active.type == "GRPC",
        )
    if (passive := wanted.passive) is not None:
        field = "spec.healthCheck.passive"
        reader.fields["passive"] = PassiveCheck(
            passive.consecutive_errors,
            passive.connection_errors_only,
            reader.seconds(f"{field}.interval", passive.interval, 0.1) or 1.0,
            reader.seconds(f"{field}.baseEjectionTime", passive.base_ejection_time, 0.1) or 1.0,
            passive.max_ejection_percent,
        )


def _times(reader: Reader, wanted: api.BackendTimeouts, route: dict[str, Any]) -> None:
    field = "spec.timeouts"
    if wanted.connect is not None:
        reader.fields["connect_timeout"] = reader.seconds(f"{field}.connect", wanted.connect, 0.001)
    if wanted.connection_idle is not None:
        reader.fields["idle_timeout"] = reader.seconds(f"{field}.connectionIdle", wanted.connection_idle)
    silences = [reader.seconds(f"{field}.{name}", it) for name, it in (("read", wanted.read), ("send", wanted.send))]
    said = [it for it in silences if it is not None]
    if said:
        route["timeouts"] = Timeouts(idle=0.0 if 0.0 in said else max(said))


def _connection(reader: Reader, wanted: api.Connection) -> None:
    field = "spec.connection"
    if wanted.max_requests is not None:
        reader.fields["requests_per_connection"] = wanted.max_requests
    if wanted.buffer_limit is not None:
        reader.fields["buffer_bytes"] = size(wanted.buffer_limit)
    if wanted.max_response_headers_size is not None:
        found = math.ceil(size(wanted.max_response_headers_size) / 1024)
        if not 0 < found <= _LARGEST_HEADERS:
            reader.wrong(f"{field}.maxResponseHeadersSize", f"it must be from 1Ki to {_LARGEST_HEADERS}Ki")
        reader.fields["max_response_headers_kb"] = found
    if wanted.tcp_keepalive is not None:
        reader.fields["tcp_keepalive"] = int(reader.seconds(f"{field}.tcpKeepalive", wanted.tcp_keepalive, 1.0) or 0)
    if wanted.proxy_protocol is not None:
        reader.fields["proxy_protocol"] = int(wanted.proxy_protocol.removeprefix("V"))


def _tls(reader: Reader, wanted: api.BackendTls, protocol: str | None) -> None:
    field = "spec.tls"
    if protocol is None:
        reader.fields["protocol"] = Protocol.HTTPS
    elif PROTOCOLS[protocol] not in (Protocol.HTTPS, Protocol.HTTPS2):
        reader.wrong(field, f"protocol {protocol} has no TLS; write HTTPS or GRPCS, or leave it out")
    verify = not wanted.insecure_skip_verify
    authority = (
        reader.authority(f"{field}.caCertificateRef", wanted.ca_certificate_ref) if wanted.ca_certificate_ref else None
    )
    if verify and not (wanted.ca_certificate_ref or wanted.system_authorities):
        reader.wrong(field, "name whom to believe: caCertificateRef or systemAuthorities; or write insecureSkipVerify")
    if verify and not (wanted.server_name or wanted.subject_alt_names):
        reader.wrong(field, "name who must be in the certificate: serverName or subjectAltNames")
    if odd := [it for it in wanted.ciphers if it not in CIPHERS]:
        reader.wrong(f"{field}.ciphers", f"Envoy has no cipher {odd[0][:40]!r}")
    low, high = ((it or "").removeprefix("TLSv") for it in (wanted.min_version, wanted.max_version))
    if low and high and low > high:
        reader.wrong(f"{field}.minVersion", "it is above maxVersion")
    reader.fields["tls"] = BackendTls(
        server_name=wanted.server_name or "",
        verify=verify,
        authorities=(authority,) if verify and authority else (),
        system_trust=wanted.system_authorities,
        certificate=_certificate(reader, wanted),
        names=tuple(it for it in wanted.subject_alt_names if "://" not in it),
        uris=tuple(it for it in wanted.subject_alt_names if "://" in it),
        verify_depth=wanted.verify_depth,
        min_version=low,
        max_version=high,
        ciphers=wanted.ciphers,
    )


def _certificate(reader: Reader, wanted: api.BackendTls) -> Any:
    if wanted.client_certificate_ref is None:
        return None
    field = "spec.tls.clientCertificateRef"
    ref = reader.secret(field, wanted.client_certificate_ref)
    if ref is None:
        return None
    loaded = certificates.load(ref, reader.read, reader.world)
    if loaded.pair is None:
        reader.missing(field, loaded.error, "InvalidSecret")
        return None
    if loaded.error:
        reader.notes.append(f"{field}: {loaded.told}")
    reader.client_pairs[ref] = None
    return ref
