"""One path of an Ingress as a match, and how it is rewritten.

ingress-nginx: if any Ingress of a host has `use-regex` or `rewrite-target`, every path of the host is a regular
expression that is held against the beginning of the path, in any letter case, the longest first. A plain prefix among
them stays a prefix of whole elements here (there, `/a` would then match `/ab` too).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sealos_gateway.model.policy import Rewrite
from sealos_gateway.model.template import Of, Template, Variable
from sealos_gateway.model.traffic import Match, PathKind
from sealos_gateway.nginx import regex
from sealos_gateway.resources.ingress import IngressPath
from sealos_gateway.translate.annotations.policies import PathRules

_TYPES = ("Exact", "Prefix", "ImplementationSpecific", "")


class ReadPath(NamedTuple):
    match: Match
    rewrite: Rewrite | None = None


def read(path: IngressPath, rules: PathRules, regex_host: bool) -> ReadPath | str:
    """The match of one path, or what is wrong with it. ImplementationSpecific is Prefix, but for nginx' classes."""
    text = path.path or "/"
    if not text.startswith("/"):
        return f"path {text[:80]!r} must begin with a slash"
    if path.path_type not in _TYPES:
        return f"pathType {path.path_type[:40]!r} is not one of Exact, Prefix, ImplementationSpecific"
    if (rules.regex or rules.full) and text.isprintable():
        return _pattern(text, rules)
    if any(ch in text for ch in "\r\n\0?#") or not text.isprintable():
        return f"path {text[:80]!r} holds a character that no request path has (?, # or a control character)"
    return ReadPath(_plain(path, text, rules, regex_host), _prefix(rules))


def _pattern(text: str, rules: PathRules) -> ReadPath | str:
    if reason := regex.problem(text):
        return f"path {text[:80]!r} is no regular expression for the gateway: {reason}"
    ignore_case = rules.regex or rules.ignore_case
    whole = text if rules.full and not rules.regex else f"(?:{text}).*"
    match = Match(PathKind.REGEX, whole, ignore_case, rules.conditions, len(text))
    if rules.target is None:
        return ReadPath(match, _prefix(rules))
    if missing := _missing_group(text, rules.target):
        return f"rewrite-target names ${missing}, and path {text[:80]!r} has no such group"
    case = "(?i)" if ignore_case else ""
    substitution = "".join(_substituted(part) for part in rules.target.parts)
    return ReadPath(match, Rewrite(pattern=f"{case}^(?:{text}).*$", substitution=substitution))


def _plain(path: IngressPath, text: str, rules: PathRules, regex_host: bool) -> Match:
    specific = path.path_type in ("ImplementationSpecific", "")
    kind = PathKind.TEXT_PREFIX if specific and rules.nginx and text != "/" else PathKind.PREFIX
    if path.path_type == "Exact":
        kind = PathKind.EXACT
    if kind is PathKind.PREFIX:
        text = text.rstrip("/") or "/"
    if not regex_host:
        return Match(kind, text, rules.ignore_case, rules.conditions)
    rest = {PathKind.EXACT: "", PathKind.TEXT_PREFIX: ".*"}.get(kind, "(?:/.*)?" if text != "/" else ".*")
    return Match(PathKind.REGEX, f"(?:{re.escape(text)}){rest}", True, rules.conditions, len(text))


def _prefix(rules: PathRules) -> Rewrite | None:
    return Rewrite(prefix=rules.prefix) if rules.prefix is not None else None


def _missing_group(text: str, target: Template) -> str:
    count = regex.groups(text)
    named = (it.name for it in target.variables if it.of is Of.CAPTURE)
    return next((name for name in named if int(name) > count), "")


def _substituted(part: str | Variable) -> str:
    return part.replace("\\", "\\\\") if isinstance(part, str) else f"\\{part.name}"
