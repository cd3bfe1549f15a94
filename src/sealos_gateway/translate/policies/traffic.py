"""TrafficPolicy to fields of `Policy`."""

from __future__ import annotations

import re

from sealos_gateway.live import Read
from sealos_gateway.model.policy import (
    Bandwidth,
    Compression,
    ConnectionLimit,
    CookieChange,
    Cors,
    ErrorPages,
    HeaderAction,
    HeaderChange,
    HeaderChanges,
    Mirror,
    RateKey,
    RateLimit,
    Retry,
    RetryOn,
    Rewrite,
    Timeouts,
    Tracing,
)
from sealos_gateway.model.template import literal
from sealos_gateway.nginx import regex
from sealos_gateway.resources.policies import traffic as api
from sealos_gateway.translate.annotations.answers import PLAIN
from sealos_gateway.translate.annotations.targets import USUAL_COMPRESSION
from sealos_gateway.translate.annotations.times import USUAL
from sealos_gateway.translate.annotations.tracing import IN_NAME
from sealos_gateway.translate.gateway_api.world import GatewayWorld
from sealos_gateway.translate.policies.reading import IN_REQUEST, IN_RESPONSE, Reader, size
from sealos_gateway.translate.policies.said import Said
from sealos_gateway.translate.world import World

_ANSWERS = (RetryOn.GATEWAY_ERROR, RetryOn.SERVER_ERROR)
_GROUP = re.compile(r"\\([0-9])")
_RATE_KEYS = {"ClientAddress": RateKey.CLIENT, "Route": RateKey.ROUTE}


def said(policy: api.TrafficPolicy, read: Read, world: World, gateways: GatewayWorld) -> Said:
    """What a TrafficPolicy says."""
    reader, spec = Reader(api.KIND, policy, read, world, gateways), policy.spec
    _times(reader, spec)
    _headers(reader, spec)
    if spec.cors is not None:
        _cors(reader, spec.cors)
    _bodies(reader, spec)
    _limits(reader, spec)
    _copies(reader, spec)
    if spec.rewrite is not None:
        _rewrite(reader, spec.rewrite)
    _answers(reader, spec)
    if spec.tracing is not None:
        _tracing(reader, spec.tracing)
    if spec.access_log is not None:
        reader.fields["access_log"] = spec.access_log.enabled
    return reader.done(spec.target_refs)


def _times(reader: Reader, spec: api.TrafficPolicySpec) -> None:
    if (times := spec.timeouts) is not None:
        reader.fields["timeouts"] = Timeouts(
            request=reader.seconds("spec.timeouts.request", times.request),
            attempt=reader.seconds("spec.timeouts.backendRequest", times.backend_request),
            idle=reader.seconds("spec.timeouts.idle", times.idle),
        )
    if (retry := spec.retry) is not None:
        least = reader.seconds("spec.retry.backoff", retry.backoff) or 0.0
        most = reader.seconds("spec.retry.maxBackoff", retry.max_backoff) or 0.0
        if most and most < least:
            reader.wrong("spec.retry.maxBackoff", "it is shorter than backoff")
        on = tuple(_trigger(it, retry.idempotent_only) for it in retry.triggers) or USUAL
        by_method = retry.idempotent_only and (bool(retry.codes) or any(it in _ANSWERS for it in on))
        found = Retry(retry.attempts, on, retry.codes, least, most, by_method)
        reader.fields["retry"] = found if retry.attempts else Retry(0)


def _trigger(word: str, idempotent_only: bool) -> RetryOn:
    found = RetryOn(word)
    return RetryOn.RESET_IF_IDEMPOTENT if found is RetryOn.RESET and idempotent_only else found


def _headers(reader: Reader, spec: api.TrafficPolicySpec) -> None:
    for name, wanted, fits in (
        ("request", spec.request_headers, IN_REQUEST),
        ("response", spec.response_headers, IN_RESPONSE),
    ):
        if wanted is None:
            continue
        field = f"spec.{name}Headers"
        changes = [
            HeaderChange(HeaderAction.REMOVE, it.lower())
            for number, it in enumerate(wanted.remove)
            if reader.may_change(f"{field}.remove[{number}]", it)
        ]
        for word, action, headers in (
            ("set", HeaderAction.SET, wanted.set),
            ("add", HeaderAction.ADD, wanted.add),
            ("addIfAbsent", HeaderAction.ADD_IF_ABSENT, wanted.add_if_absent),
            ("replace", HeaderAction.REPLACE, getattr(wanted, "replace", ())),
        ):
            changes += reader.changes(f"{field}.{word}", action, headers, fits)
        reader.fields[f"{name}_headers"] = HeaderChanges(tuple(changes))


def _cors(reader: Reader, wanted: api.Cors) -> None:
    age = reader.seconds("spec.cors.maxAge", wanted.max_age)
    origins = ("*",) if "*" in wanted.allow_origins else wanted.allow_origins
    reader.fields["cors"] = Cors(
        origins=tuple(dict.fromkeys(origins)),
        methods=wanted.allow_methods,
        headers=wanted.allow_headers,
        expose=wanted.expose_headers,
        credentials=wanted.allow_credentials,
        max_age=None if age is None else int(age),
        answer_others=True,
    )


def _bodies(reader: Reader, spec: api.TrafficPolicySpec) -> None:
    if spec.max_request_body_size is not None:
        reader.fields["body_limit"] = size(spec.max_request_body_size)
    if spec.request_buffering is not None:
        reader.fields["buffer_request"] = spec.request_buffering
    if (wanted := spec.compression) is not None:
        types = tuple(dict.fromkeys(it.lower() for it in wanted.content_types)) or USUAL_COMPRESSION.types
        least = USUAL_COMPRESSION.min_bytes if wanted.min_size is None else size(wanted.min_size)
        reader.fields["compression"] = Compression(types, least, wanted.level)
    if (bandwidth := spec.bandwidth) is not None:
        reader.fields["bandwidth"] = Bandwidth(
            *(0 if it is None else size(it) for it in (bandwidth.response, bandwidth.request))
        )


def _limits(reader: Reader, spec: api.TrafficPolicySpec) -> None:
    if spec.rate_limits is not None:
        found = [_rate(reader, f"spec.rateLimits[{number}]", it) for number, it in enumerate(spec.rate_limits)]
        reader.fields["rate_limits"] = tuple(found)
    if (wanted := spec.connection_limit) is not None:
        exempt = reader.networks("spec.connectionLimit.exempt", wanted.exempt)
        reader.fields["connections"] = ConnectionLimit(wanted.per_client, wanted.status_code, exempt)


def _rate(reader: Reader, field: str, wanted: api.RateLimit) -> RateLimit:
    seconds = reader.seconds(f"{field}.interval", wanted.interval, 1.0) or 1.0
    if seconds != int(seconds):
        reader.wrong(f"{field}.interval", f"{wanted.interval} is not a number of whole seconds")
    exempt = reader.networks(f"{field}.exempt", wanted.exempt)
    burst = wanted.burst or wanted.requests
    return RateLimit(_RATE_KEYS[wanted.per], wanted.requests, int(seconds), burst, wanted.status_code, exempt)


def _copies(reader: Reader, spec: api.TrafficPolicySpec) -> None:
    if spec.mirrors is not None:
        found = []
        for number, one in enumerate(spec.mirrors):
            key = reader.service(f"spec.mirrors[{number}].backendRef", one.backend_ref)
            if key is not None and one.percent:
                found.append(Mirror(key, one.percent, 100, one.hostname or ""))
        reader.fields["mirrors"] = tuple(found)
    if (pages := spec.error_pages) is not None:
        key = reader.service("spec.errorPages.backendRef", pages.backend_ref)
        if key is not None:
            names = {"x-namespace": key.namespace, "x-service-name": key.service, "x-service-port": str(key.port)}
            sent = tuple(HeaderChange(HeaderAction.SET, name, literal(value)) for name, value in names.items())
            reader.fields["error_pages"] = ErrorPages(key, tuple(dict.fromkeys(pages.codes)), HeaderChanges(sent))


def _rewrite(reader: Reader, wanted: api.Rewrite) -> None:
    host = reader.template("spec.rewrite.hostname", wanted.hostname, IN_REQUEST) if wanted.hostname else None
    if wanted.pattern:
        if reason := regex.problem(wanted.pattern):
            reader.wrong("spec.rewrite.pattern", reason)
            return
        groups = regex.groups(wanted.pattern)
        if odd := [it for it in _GROUP.findall(wanted.substitution) if int(it) > groups]:
            reader.wrong("spec.rewrite.substitution", f"it names \\{odd[0]}, and the pattern has no such group")
        if "?" in wanted.substitution or not wanted.substitution.isprintable():
            reader.wrong(
                "spec.rewrite.substitution", "it holds a character that no path has (?, or a control character)"
            )
    elif wanted.substitution:
        reader.wrong("spec.rewrite.substitution", "it needs a pattern")
    reader.fields["rewrite"] = Rewrite(pattern=wanted.pattern, substitution=wanted.substitution, host=host)


def _answers(reader: Reader, spec: api.TrafficPolicySpec) -> None:
    if spec.cookie_rewrites is not None:
        cookies = []
        for number, one in enumerate(spec.cookie_rewrites):
            before, after = _plain(reader, f"spec.cookieRewrites[{number}]", one)
            if one.attribute == "Domain":
                before, after = before.removeprefix("."), after.removeprefix(".")
            cookies.append(CookieChange(one.attribute.lower(), before, after))
        reader.fields["cookies"] = tuple(cookies)
    if spec.location_rewrites is not None:
        reader.fields["location"] = tuple(
            _plain(reader, f"spec.locationRewrites[{number}]", one) for number, one in enumerate(spec.location_rewrites)
        )


def _tracing(reader: Reader, wanted: api.Tracing) -> None:
    name = reader.template("spec.tracing.operation", wanted.operation, IN_NAME) if wanted.operation else None
    if reader.world.rules.traces:
        reader.fields["tracing"] = Tracing(wanted.enabled, name)
    elif wanted.enabled:
        message = "there is no collector of spans: whoever runs the gateway sets tracing.collector"
        reader.missing("spec.tracing", message, "NoCollector")


def _plain(reader: Reader, field: str, one: api.CookieRewrite | api.LocationRewrite) -> tuple[str, str]:
    for word, text in (("from", one.from_), ("to", one.to)):
        if not PLAIN.fullmatch(text):
            reader.wrong(f"{field}.{word}", f"{text[:60]!r} is not plain text without white space, `$` and `;`")
    return one.from_, one.to
