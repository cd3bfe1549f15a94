"""The matches of HTTPRoute and GRPCRoute. One that cannot be honoured matches nothing, and is told."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sealos_gateway.model.traffic import NO_CONDITIONS, Conditions, Match, PathKind, TextKind, TextMatch
from sealos_gateway.nginx import regex
from sealos_gateway.resources.gateway_api import routes as api
from sealos_gateway.translate.gateway_api.listeners import ACCEPTED, Flaw

_KINDS = {"Exact": TextKind.EXACT, "RegularExpression": TextKind.REGEX}
_ANY_SEGMENT = "[^/]+"


def http(where: str, wanted: tuple[api.HttpMatch, ...]) -> tuple[list[Match], list[Flaw]]:
    """Each match of a rule; they stand beside each other."""
    found: list[Match] = []
    flaws: list[Flaw] = []
    for number, one in enumerate(wanted):
        field = f"{where}.matches[{number}]"
        path = _path(one.path)
        headers = _texts(f"{field}.headers", one.headers, flaws, lower=True)
        queries = _texts(f"{field}.queryParams", one.query_params, flaws, lower=False)
        if isinstance(path, str):
            flaws.append(Flaw(ACCEPTED, "UnsupportedValue", f"{field}.path: {path}"))
        if isinstance(path, str) or headers is None or queries is None:
            continue
        conditions = Conditions((one.method,) if one.method else (), headers, queries)
        found.append(Match(*path, conditions=conditions if conditions != NO_CONDITIONS else NO_CONDITIONS))
    return found, flaws


def grpc(where: str, wanted: tuple[api.GrpcMatch, ...]) -> tuple[list[Match], list[Flaw]]:
    """Each match of a rule; without any it takes every request."""
    found: list[Match] = []
    flaws: list[Flaw] = []
    for number, one in enumerate(wanted or (api.GrpcMatch(),)):
        field = f"{where}.matches[{number}]"
        path = _method(one.method)
        headers = _texts(f"{field}.headers", one.headers, flaws, lower=True)
        if isinstance(path, str):
            flaws.append(Flaw(ACCEPTED, "UnsupportedValue", f"{field}.method: {path}"))
        elif headers is not None:
            found.append(Match(*path, conditions=Conditions(headers=headers)))
    return found, flaws


def _path(wanted: api.PathMatch) -> tuple[PathKind, str] | str:
    match wanted.type:
        case "Exact":
            return PathKind.EXACT, wanted.value
        case "PathPrefix":
            return PathKind.PREFIX, wanted.value.rstrip("/") or "/"
        case "RegularExpression":
            return regex.problem(wanted.value) or (PathKind.REGEX, wanted.value)
    return f"type {wanted.type[:40]!a} is not one of Exact, PathPrefix, RegularExpression"


def _method(wanted: api.GrpcMethodMatch | None) -> tuple[PathKind, str] | str:
    """gRPC over HTTP/2: the path is `/service/method`."""
    if wanted is None or not (wanted.service or wanted.method):
        return PathKind.PREFIX, "/"
    if wanted.type not in _KINDS:
        return f"type {wanted.type[:40]!a} is not one of Exact, RegularExpression"
    if wanted.type == "Exact" and wanted.service and wanted.method:
        return PathKind.EXACT, f"/{wanted.service}/{wanted.method}"
    if wanted.type == "Exact" and wanted.service:
        return PathKind.PREFIX, f"/{wanted.service}"
    service, method = (_segment(text, wanted.type) for text in (wanted.service, wanted.method))
    pattern = f"/{service}/{method}"
    return regex.problem(pattern) or (PathKind.REGEX, pattern)


def _segment(text: str | None, type_: str) -> str:
    if not text:
        return _ANY_SEGMENT
    return re.escape(text) if type_ == "Exact" else f"(?:{text})"


def _texts(
    field: str, wanted: Iterable[api.ValueMatch], flaws: list[Flaw], lower: bool
) -> tuple[TextMatch, ...] | None:
    """Conditions on headers or parameters, each name once (the first counts); None where one cannot be honoured."""
    found: dict[str, TextMatch] = {}
    for number, one in enumerate(wanted):
        name = one.name.lower() if lower else one.name
        reason = "" if one.type in _KINDS else f"type {one.type[:40]!a} is not one of Exact, RegularExpression"
        if one.type == "RegularExpression":
            reason = regex.problem(one.value)
        if reason:
            flaws.append(Flaw(ACCEPTED, "UnsupportedValue", f"{field}[{number}]: {reason}"))
            return None
        found.setdefault(
            name, TextMatch(":authority" if lower and name == "host" else name, _KINDS[one.type], one.value)
        )
    return tuple(found.values())
