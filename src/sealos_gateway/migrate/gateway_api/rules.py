"""One route of the model as a rule of an HTTPRoute: matches, filters, backends; and what filters leave to policies."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sealos_gateway.migrate.gateway_api import matches, texts
from sealos_gateway.migrate.gateway_api.matches import Path
from sealos_gateway.migrate.gateway_api.texts import InexpressibleError
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import Cors, HeaderAction, HeaderChanges, Mirror, Policy, Rewrite, Timeouts
from sealos_gateway.model.template import Of, Template, Variable
from sealos_gateway.model.traffic import Forward, PathKind, Redirect, Respond, Route, Split

_CODES = (301, 302, 303, 307, 308)
_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"}
_HOSTNAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_WORDS = {HeaderAction.SET: "set", HeaderAction.ADD: "add", HeaderAction.REMOVE: "remove"}
_MOST_HEADERS = 16


class Rule(msgspec.Struct, frozen=True):
    """`matches` and `rest` make the rule of an HTTPRoute; `policy` is what they do not say.

    `told` are differences, each with what it is about.
    """

    matches: list[dict[str, Any]]
    rest: dict[str, Any]
    policy: Policy
    told: tuple[tuple[str, str], ...] = ()


def rule(route: Route, path: Path, namespace: str) -> Rule:
    """Raises InexpressibleError."""
    found = _Made(route, path, namespace)
    wanted = list(matches.written(path, route.match.conditions))
    found.policy_()
    found.action()
    rest = ({"filters": found.filters} if found.filters else {}) | found.rest
    return Rule(wanted, rest, msgspec.structs.replace(route.policy or Policy(), **found.left), tuple(found.told))


class _Made:
    """A rule in the making. `left` are the fields of the policy that have changed, because filters say them."""

    def __init__(self, route: Route, path: Path, namespace: str) -> None:
        self.route, self.path, self.namespace = route, path, namespace
        self.filters: list[dict[str, Any]] = []
        self.rest: dict[str, Any] = {}
        self.left: dict[str, Any] = {}
        self.told: list[tuple[str, str]] = []

    def action(self) -> None:
        match self.route.action:
            case Forward(backend):
                self.rest["backendRefs"] = [self.backend(backend)]
            case Split(targets):
                self.rest["backendRefs"] = [
                    self.backend(it.backend) | {"weight": it.weight} for it in targets if it.backend is not None
                ]
            case Redirect():
                self.filters.append({"type": "RequestRedirect", "requestRedirect": self.redirect(self.route.action)})
            case Respond(status):
                if status != 503:
                    raise InexpressibleError(f"the answer {status} from the gateway itself")
                self.told.append(("no backend", "a rule without a backend answers 500 instead of 503"))

    def backend(self, key: BackendKey) -> dict[str, Any]:
        reference = texts.service(key, self.namespace)
        named = {"name": reference.name, "port": reference.port}
        return named | ({"namespace": reference.namespace} if reference.namespace else {})

    def redirect(self, wanted: Redirect) -> dict[str, Any]:
        if wanted.pattern:
            raise InexpressibleError("a redirect by a regular expression")
        if wanted.code not in _CODES:
            raise InexpressibleError(f"a redirect with {wanted.code}")
        found: dict[str, Any] = {"statusCode": wanted.code}
        if wanted.location is not None:
            return found | self.location(wanted.location)
        found |= {name: value for name, value in (("scheme", wanted.scheme), ("hostname", wanted.host)) if value}
        if wanted.port:
            found["port"] = wanted.port
        if wanted.path is not None:
            found["path"] = {"type": "ReplaceFullPath", "replaceFullPath": wanted.path}
        elif wanted.prefix is not None:
            found["path"] = self.prefix(wanted.prefix)
        if wanted.strip_query:
            self.told.append(("redirect", "it keeps the query of the request"))
        return found

    def location(self, template: Template) -> dict[str, Any]:
        """A whole URL, or one with the path and query of the request at its end."""
        parts = template.parts
        kept = bool(parts) and parts[-1] == Variable(Of.PATH_AND_QUERY)
        text = "".join(map(str, parts[:-1] if kept else parts))
        if any(isinstance(it, Variable) for it in (parts[:-1] if kept else parts)):
            raise InexpressibleError(f"a redirect to {template}")
        url = urlsplit(text)
        if url.query or url.fragment or (kept and url.path):
            raise InexpressibleError(f"a redirect to {template}")
        found: dict[str, Any] = {"scheme": url.scheme, "hostname": url.hostname} if url.scheme else {}
        if url.port:
            found["port"] = url.port
        if not kept:
            found["path"] = {"type": "ReplaceFullPath", "replaceFullPath": url.path or "/"}
            self.told.append(("redirect", "it keeps the query of the request"))
        return found

    def prefix(self, text: str) -> dict[str, Any]:
        """Only what a prefix matched can be replaced; anything else is replaced as a whole, as on Ingresses."""
        if self.path.kind is PathKind.PREFIX:
            return {"type": "ReplacePrefixMatch", "replacePrefixMatch": text}
        if self.route.match.kind is PathKind.PREFIX:
            raise InexpressibleError("a prefix that is replaced, and has to be a regular expression here")
        return {"type": "ReplaceFullPath", "replaceFullPath": text}

    def policy_(self) -> None:
        policy = self.route.policy
        if policy is None:
            return
        for side, name in (
            ("request_headers", "RequestHeaderModifier"),
            ("response_headers", "ResponseHeaderModifier"),
        ):
            self.headers(side, name, getattr(policy, side))
        if policy.rewrite is not None:
            self.rewrite(policy.rewrite)
        if policy.cors is not None:
            self.cors(policy.cors)
        kept = tuple(it for it in policy.mirrors if not self.mirror(it))
        if kept != policy.mirrors:
            self.left["mirrors"] = kept
        if policy.timeouts is not None:
            self.times(policy.timeouts)
        if policy.error_pages is not None:
            self.told.append(("error pages", "the Service is not told X-Ingress-Name"))

    def headers(self, side: str, name: str, wanted: HeaderChanges | None) -> None:
        changes = wanted.changes if wanted else ()
        names = [it.name for it in changes]
        simple = all(
            it.always and it.action in _WORDS and it.value.literal for it in changes if it.action.value != "remove"
        )
        if not changes or not simple or len(set(names)) < len(names) or len(names) > _MOST_HEADERS:
            return
        if any(not it.always for it in changes):
            return
        found: dict[str, list[Any]] = {}
        for one in changes:
            text = one.name if one.action is HeaderAction.REMOVE else {"name": one.name, "value": one.value.literal}
            found.setdefault(_WORDS[one.action], []).append(text)
        self.filters.append({"type": name, f"{name[0].lower()}{name[1:]}": found})
        self.left[side] = None

    def rewrite(self, wanted: Rewrite) -> None:
        found: dict[str, Any] = {}
        host = wanted.host.literal if wanted.host is not None else None
        if wanted.prefix is not None:
            found["path"] = self.prefix(wanted.prefix)
        elif wanted.path is not None:
            found["path"] = {"type": "ReplaceFullPath", "replaceFullPath": wanted.path}
        if host and _HOSTNAME.fullmatch(host):
            found["hostname"] = host
        if found:
            self.filters.append({"type": "URLRewrite", "urlRewrite": found})
        rest = Rewrite(
            pattern=wanted.pattern, substitution=wanted.substitution, host=None if "hostname" in found else wanted.host
        )
        self.left["rewrite"] = None if rest == Rewrite() else rest

    def cors(self, wanted: Cors) -> None:
        if not set(wanted.methods) <= _METHODS:
            return  # left to a TrafficPolicy
        if wanted.any_options or wanted.one_label:
            message = "only OPTIONS that ask for permission are answered by the gateway, those of other origins, too"
            self.told.append(("CORS", message))
        found: dict[str, Any] = {"allowOrigins": list(wanted.origins)}
        for name, listed in (
            ("allowMethods", wanted.methods), ("allowHeaders", wanted.headers), ("exposeHeaders", wanted.expose),
        ):  # fmt: skip
            found |= {name: list(listed)} if listed else {}
        found |= {"allowCredentials": True} if wanted.credentials else {}
        found |= {"maxAge": wanted.max_age} if wanted.max_age else {}
        self.filters.append({"type": "CORS", "cors": found})
        self.left["cors"] = None

    def mirror(self, one: Mirror) -> bool:
        if one.host or one.backend.policy is not None:
            return False
        share = {"numerator": one.numerator, "denominator": one.denominator}
        said = {} if one.numerator == one.denominator else {"fraction": share}
        found = {"backendRef": self.backend(one.backend), **said}
        self.filters.append({"type": "RequestMirror", "requestMirror": found})
        return True

    def times(self, wanted: Timeouts) -> None:
        found = {
            name: texts.duration(seconds)
            for name, seconds in (("request", wanted.request), ("backendRequest", wanted.attempt))
            if seconds is not None
        }
        if found:
            self.rest["timeouts"] = found
            rest = Timeouts(idle=wanted.idle)
            self.left["timeouts"] = None if rest == Timeouts() else rest
