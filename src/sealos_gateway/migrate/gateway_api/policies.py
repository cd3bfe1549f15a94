"""Policies of routes as our own kinds write them: what filters of the Gateway API cannot say."""

from __future__ import annotations

from typing import Any

from sealos_gateway.migrate.gateway_api import texts
from sealos_gateway.migrate.gateway_api.texts import InexpressibleError
from sealos_gateway.model.backend_policy import Protocol
from sealos_gateway.model.policy import (
    Cors,
    ErrorPages,
    ExternalAuth,
    HeaderAction,
    HeaderChange,
    HeaderChanges,
    Mirror,
    Policy,
    RateKey,
    RateLimit,
    Retry,
    RetryOn,
)
from sealos_gateway.resources.annotations import auth
from sealos_gateway.resources.annotations.entry import Annotation
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.resources.policies import common, security, traffic
from sealos_gateway.translate.annotations.times import USUAL
from sealos_gateway.translate.annotations.values import Values

_ORDER = (HeaderAction.REMOVE, HeaderAction.SET, HeaderAction.ADD, HeaderAction.ADD_IF_ABSENT, HeaderAction.REPLACE)


def traffic_policy(policy: Policy, namespace: str) -> dict[str, Any]:
    """Fields of `TrafficPolicySpec` for all of a policy that filters have left. Raises InexpressibleError."""
    found: dict[str, Any] = {}
    if (times := policy.timeouts) is not None and times.idle is not None:
        found["timeouts"] = traffic.Timeouts(idle=texts.duration(times.idle))
    if (retry := policy.retry) is not None:
        found["retry"] = traffic.Retry(
            retry.attempts, _triggers(retry), retry.statuses,
            texts.duration(retry.base_interval) if retry.base_interval else None,
            texts.duration(retry.max_interval) if retry.max_interval else None,
            retry.idempotent_only or (retry.on != USUAL and RetryOn.RESET_IF_IDEMPOTENT in retry.on),
        )  # fmt: skip
    if policy.request_headers is not None:
        found["request_headers"] = traffic.RequestHeaders(**_headers(policy.request_headers))
    if policy.response_headers is not None:
        found["response_headers"] = traffic.ResponseHeaders(**_headers(policy.response_headers))
    if policy.rewrite is not None and (policy.rewrite.pattern or policy.rewrite.host is not None):
        rewrite = policy.rewrite
        host = texts.nginx(rewrite.host) if rewrite.host is not None else ""
        found["rewrite"] = traffic.Rewrite(rewrite.pattern, rewrite.substitution, host)
    return found | _limits(policy) | _answers(policy, namespace)


def _triggers(retry: Retry) -> tuple[Any, ...]:
    """In the policy's words, where the method is another field; none stand for the usual ones."""
    if retry.on == USUAL:
        return ()
    return tuple((RetryOn.RESET if it is RetryOn.RESET_IF_IDEMPOTENT else it).value for it in retry.on)


def _headers(changes: HeaderChanges) -> dict[str, Any]:
    """By what is done. They are done in another order there, so each header may only be changed once."""
    names = [it.name for it in changes.changes]
    order = [_ORDER.index(it.action) for it in changes.changes]
    if len(set(names)) < len(names) and order != sorted(order):
        raise InexpressibleError("one header is changed several times, in an order that is not remove, set, add")
    found: dict[str, Any] = {}
    for one in changes.changes:
        if not one.always:
            raise InexpressibleError(f"the header {one.name} depends on status, content type or scheme")
        word = one.action.value
        found[word] = (*found.get(word, ()), one.name if one.action is HeaderAction.REMOVE else _header(one))
    return found


def _header(one: HeaderChange) -> common.Header:
    if (text := one.value.literal) is not None:
        return common.Header(one.name, text)
    return common.Header(one.name, template=texts.nginx(one.value))


def _limits(policy: Policy) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if policy.body_limit:
        found["max_request_body_size"] = policy.body_limit
    if policy.buffer_request:
        found["request_buffering"] = True
    if policy.rate_limits:
        found["rate_limits"] = tuple(map(_rate, policy.rate_limits))
    if (most := policy.connections) is not None:
        found["connection_limit"] = traffic.ConnectionLimit(most.most, most.status, most.exempt)  # type: ignore[arg-type]
    if (rate := policy.bandwidth) is not None:
        found["bandwidth"] = traffic.Bandwidth(rate.response or None, rate.request or None)
    return found


def _rate(limit: RateLimit) -> traffic.RateLimit:
    per = {RateKey.CLIENT: "ClientAddress", RateKey.ROUTE: "Route"}[limit.key]
    return traffic.RateLimit(
        limit.requests, texts.duration(limit.seconds), per, limit.burst, limit.status, limit.exempt  # type: ignore[arg-type]
    )  # fmt: skip


def _answers(policy: Policy, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if policy.cors is not None:
        found["cors"] = _cors(policy.cors)
    if (wanted := policy.compression) is not None:
        found["compression"] = traffic.Compression(wanted.types, wanted.min_bytes, wanted.level)
    if policy.mirrors:
        found["mirrors"] = tuple(_mirror(it, namespace) for it in policy.mirrors)
    if policy.error_pages is not None:
        found["error_pages"] = _pages(policy.error_pages, namespace)
    if policy.cookies:
        found["cookie_rewrites"] = tuple(
            traffic.CookieRewrite(it.attribute.title(), it.before, it.after) for it in policy.cookies  # type: ignore[arg-type]
        )  # fmt: skip
    if policy.location:
        found["location_rewrites"] = tuple(traffic.LocationRewrite(*it) for it in policy.location)
    if not policy.access_log:
        found["access_log"] = traffic.Switch(False)
    if (tracing := policy.tracing) is not None:
        name = texts.nginx(tracing.operation) if tracing.operation is not None else ""
        found["tracing"] = traffic.Tracing(tracing.enabled, name)
    return found


def _cors(wanted: Cors) -> traffic.Cors:
    age = None if wanted.max_age is None else texts.duration(wanted.max_age)
    return traffic.Cors(wanted.origins, wanted.methods, wanted.headers, wanted.expose, wanted.credentials, age)


def _mirror(mirror: Mirror, namespace: str) -> traffic.Mirror:
    if mirror.backend.policy is not None:
        raise InexpressibleError("copies that are sent over TLS; write a BackendPolicy for that Service")
    share = mirror.numerator * 100 / mirror.denominator
    return traffic.Mirror(texts.service(mirror.backend, namespace), round(share), mirror.host or None)


def _pages(pages: ErrorPages, namespace: str) -> traffic.ErrorPages:
    return traffic.ErrorPages(pages.statuses, texts.service(pages.backend, namespace))


def security_policy(policy: Policy, ingress: Ingress) -> dict[str, Any]:
    """Fields of `SecurityPolicySpec`. Raises InexpressibleError."""
    found: dict[str, Any] = {}
    namespace = ingress.metadata.namespace
    if policy.networks is not None:
        found["ip_restriction"] = security.IpRestriction(policy.networks.allow, policy.networks.deny)
    if (basic := policy.basic_auth) is not None:
        layout = "KeyPerUser" if _said(ingress, auth.AUTH_SECRET_TYPE).lower() == "auth-map" else "Htpasswd"
        found["basic_auth"] = security.BasicAuth(_secret(basic.secret, namespace), layout, basic.realm)  # type: ignore[arg-type]
    if policy.external_auth is not None:
        found["external_auth"] = _external(policy.external_auth, ingress)
    if found and policy.satisfy_any:
        found["satisfy"] = "Any"
    return found


def _secret(ref: Ref, namespace: str) -> common.SecretReference:
    return common.SecretReference(ref.name, None if ref.namespace == namespace else ref.namespace)


def _external(wanted: ExternalAuth, ingress: Ingress) -> security.ExternalAuth:
    policy = wanted.backend.policy
    scheme = "https" if policy is not None and policy.protocol is Protocol.HTTPS else "http"
    port = "" if wanted.backend.port == (443 if scheme == "https" else 80) else f":{wanted.backend.port}"
    headers = tuple(_header(it) for it in wanted.request_headers.changes) if wanted.request_headers else ()
    cache = None
    if wanted.cache_key is not None:
        durations = tuple(
            security.CacheDuration(codes=(status,) if status else (), duration=texts.duration(seconds))
            for status, seconds in wanted.cache
        )
        cache = security.AuthCache(texts.nginx(wanted.cache_key), durations)
    return security.ExternalAuth(
        url=f"{scheme}://{wanted.host}{port}{texts.nginx(wanted.path)}",
        method=wanted.method or None,  # type: ignore[arg-type]
        sign_in_url=texts.nginx(wanted.signin) if wanted.signin is not None else "",
        sign_in_redirect_param=_said(ingress, auth.AUTH_SIGNIN_REDIRECT_PARAM) or "rd",
        headers_to_backend=wanted.copy_response,
        request_headers=headers,
        request_redirect=texts.nginx(wanted.redirect) if wanted.redirect is not None else "",
        always_set_cookie=wanted.always_set_cookie,
        cache=cache,
        timeout=texts.duration(wanted.timeout),
    )


def _said(ingress: Ingress, entry: Annotation) -> str:
    """An annotation that has left no trace in the model, because it says how another one is read."""
    return Values(ingress.metadata, Origin("Ingress", ingress.ref)).text(entry) or ""
