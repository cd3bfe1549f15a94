"""What a route matches: envoy.config.route.v3.RouteMatch."""

from __future__ import annotations

import re

from sealos_gateway.envoy import api
from sealos_gateway.model.traffic import Match, PathKind, TextKind, TextMatch

ANY_PATH = Match(PathKind.PREFIX, "/")


def fill(message: api.Message, match: Match) -> None:
    """Write `match` into an empty RouteMatch."""
    _path(message, match)
    if match.ignore_case and match.kind is not PathKind.REGEX:
        message.case_sensitive.value = False
    conditions = match.conditions
    if conditions.methods:
        methods = message.headers.add(name=":method").string_match
        if len(conditions.methods) == 1:
            methods.exact = conditions.methods[0]
        else:
            methods.safe_regex.regex = "|".join(map(re.escape, conditions.methods))
    for header in conditions.headers:
        _header(message.headers.add(name=header.name), header)
    for cookie in conditions.cookies:
        _cookie(message.headers.add(name="cookie"), cookie)
    for query in conditions.queries:
        _text(message.query_parameters.add(name=query.name), query)
    if conditions.share:
        message.runtime_fraction.default_value.numerator = conditions.share
        message.runtime_fraction.default_value.denominator = 2  # MILLION


def _path(message: api.Message, match: Match) -> None:
    match match.kind:
        case PathKind.EXACT:
            message.path = match.path
        case PathKind.REGEX:
            message.safe_regex.regex = f"(?i){match.path}" if match.ignore_case else match.path
        case PathKind.TEXT_PREFIX:
            message.prefix = match.path
        case PathKind.PREFIX if match.path == "/":
            message.prefix = "/"
        case PathKind.PREFIX:
            message.path_separated_prefix = match.path


def _header(message: api.Message, wanted: TextMatch) -> None:
    message.invert_match = wanted.invert
    # Without this Envoy lets no request pass that lacks the header, whatever is inverted.
    message.treat_missing_header_as_empty = wanted.invert and wanted.kind is not TextKind.PRESENT
    _text(message, wanted)


def _text(message: api.Message, wanted: TextMatch) -> None:
    match wanted.kind:
        case TextKind.EXACT:
            message.string_match.exact = wanted.value
        case TextKind.PREFIX:
            message.string_match.prefix = wanted.value
        case TextKind.REGEX:
            message.string_match.safe_regex.regex = wanted.value
        case TextKind.PRESENT:
            message.present_match = True


def _cookie(message: api.Message, wanted: TextMatch) -> None:
    """One pair among those of the Cookie header (RFC 6265, 5.4). Envoy joins several such headers before it looks."""
    value = {
        TextKind.EXACT: re.escape(wanted.value),
        TextKind.PREFIX: re.escape(wanted.value) + "[^;]*",
        TextKind.REGEX: f"(?:{wanted.value})",
        TextKind.PRESENT: "[^;]*",
    }[wanted.kind]
    message.string_match.safe_regex.regex = f"(?:.*;\\s*)?{re.escape(wanted.name)}={value}(?:\\s*;.*)?"
    message.invert_match = message.treat_missing_header_as_empty = wanted.invert
