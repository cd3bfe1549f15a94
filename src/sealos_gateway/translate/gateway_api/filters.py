"""What the filters of a rule, or of one of its backends, do: values of the model, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.policy import Cors, HeaderAction, HeaderChange, HeaderChanges, Mirror, Rewrite
from sealos_gateway.model.template import literal
from sealos_gateway.model.traffic import Redirect
from sealos_gateway.resources.gateway_api import filters as api
from sealos_gateway.resources.meta import Origin
from sealos_gateway.translate.gateway_api import authorization, backends, filter_faults
from sealos_gateway.translate.gateway_api.listeners import ACCEPTED, Flaw
from sealos_gateway.translate.gateway_api.world import GatewayWorld
from sealos_gateway.translate.world import World

#: Stands in a Redirect for the port of the listener that the request came in by.
LISTENER_PORT = -1
#: The field of a policy that says which service is asked.
ASKED: Final = "authorization"
_WELL_KNOWN = {"http": 80, "https": 443}


@dataclass
class Filtered:
    """What filters come to. `broken`: one cannot be honoured, so requests must not pass as if it were not there."""

    policy: dict[str, Any] = field(default_factory=dict)
    redirect: Redirect | None = None
    flaws: list[Flaw] = field(default_factory=list)
    broken: bool = False

    def refuse(self, why: str) -> None:
        """For something that cannot be honoured."""
        self.broken = True
        self.flaws.append(Flaw(ACCEPTED, "UnsupportedValue", f"{why}; the rule answers 500"))

    def refuse_second(self, place: str) -> None:
        """Of two services that are asked about the same requests."""
        self.refuse(f"{place}: a rule can ask one service; let the first one ask this one")


def filtered(
    origin: Origin,
    where: str,
    wanted: tuple[api.HttpRouteFilter, ...] | tuple[api.GrpcRouteFilter, ...],
    read: Read,
    world: World,
    gateways: GatewayWorld,
) -> Filtered:
    """All filters in order; two header modifiers add up."""
    found = Filtered()
    for number, one in enumerate(wanted):
        place = f"{where}.filters[{number}]"
        match one.type:
            case "RequestHeaderModifier" if one.request_header_modifier:
                _headers(found, "request_headers", one.request_header_modifier)
            case "ResponseHeaderModifier" if one.response_header_modifier:
                _headers(found, "response_headers", one.response_header_modifier)
            case "RequestMirror" if one.request_mirror:
                _mirror(found, origin, place, one.request_mirror, read, world, gateways)
            case "RequestRedirect" if isinstance(one, api.HttpRouteFilter) and one.request_redirect:
                found.redirect = redirect(one.request_redirect)
            case "URLRewrite" if isinstance(one, api.HttpRouteFilter) and one.url_rewrite:
                found.policy["rewrite"] = rewrite(one.url_rewrite)
            case "CORS" if isinstance(one, api.HttpRouteFilter) and one.cors:
                found.policy["cors"] = _cors(one.cors)
            case "ExternalAuth" if isinstance(one, api.HttpRouteFilter):
                _external_auth(found, origin, place, one.external_auth, read, world, gateways)
            case _:
                found.refuse(f"{place}: a filter of type {one.type[:60]!a} is not supported")
    if found.redirect is not None and "rewrite" in found.policy:
        found.broken = True
        text = f"{where}.filters: URLRewrite and RequestRedirect exclude each other; the rule answers 500"
        found.flaws.append(Flaw(ACCEPTED, "IncompatibleFilters", text))
    return found


def _external_auth(
    found: Filtered,
    origin: Origin,
    place: str,
    wanted: api.ExternalAuth | None,
    read: Read,
    world: World,
    gateways: GatewayWorld,
) -> None:
    """Without the service nobody passes. A header modifier that stands before it is done before it is asked."""
    fault = filter_faults.external_auth(place, wanted)
    if wanted is None or fault:
        found.refuse(fault)
    elif ASKED in found.policy:
        found.refuse_second(place)
    elif isinstance(made := authorization.authorization(origin, place, wanted, read, world, gateways), Flaw):
        found.broken = True
        found.flaws.append(made._replace(message=f"{made.message}; until it is there the rule answers 500"))
    else:
        found.policy[ASKED] = msgspec.structs.replace(made, sees_changes="request_headers" in found.policy)


def _headers(found: Filtered, side: str, wanted: api.HeaderFilter) -> None:
    before = found.policy.get(side)
    found.policy[side] = HeaderChanges((*(before.changes if before else ()), *changes(wanted)))


def changes(wanted: api.HeaderFilter) -> tuple[HeaderChange, ...]:
    """A header modifier as changes."""
    return (
        *(HeaderChange(HeaderAction.SET, it.name.lower(), literal(it.value)) for it in wanted.set),
        *(HeaderChange(HeaderAction.ADD, it.name.lower(), literal(it.value)) for it in wanted.add),
        *(HeaderChange(HeaderAction.REMOVE, name.lower()) for name in wanted.remove),
    )


def _mirror(
    found: Filtered,
    origin: Origin,
    place: str,
    wanted: api.RequestMirror,
    read: Read,
    world: World,
    gateways: GatewayWorld,
) -> None:
    """Without the backend there are no copies; the requests themselves are served."""
    target = backends.backend(origin, f"{place}.requestMirror.backendRef", wanted.backend_ref, read, world, gateways)
    if isinstance(target, Flaw):
        found.flaws.append(target)
        return
    share = (100, 100)
    if wanted.fraction is not None:
        share = (wanted.fraction.numerator, wanted.fraction.denominator)
    elif wanted.percent is not None:
        share = (wanted.percent, 100)
    if share[0] > 0 and share[1] > 0:
        found.policy["mirrors"] = (*found.policy.get("mirrors", ()), Mirror(target, *share))


def redirect(wanted: api.RequestRedirect) -> Redirect:
    """Where nothing is said of the port it is that of the scheme, or of the listener; see `hosts`."""
    port = wanted.port
    if port is None:
        port = _WELL_KNOWN.get(wanted.scheme or "", LISTENER_PORT)
    path, prefix = _path(wanted.path)
    return Redirect(wanted.status_code, wanted.scheme or "", wanted.hostname or "", port, path, prefix)


def rewrite(wanted: api.UrlRewrite) -> Rewrite:
    path, prefix = _path(wanted.path)
    return Rewrite(prefix=prefix, path=path, host=literal(wanted.hostname) if wanted.hostname else None)


def _path(wanted: api.PathModifier | None) -> tuple[str | None, str | None]:
    """The whole path, or what a prefix becomes."""
    if wanted is None:
        return None, None
    if wanted.type == "ReplaceFullPath":
        return wanted.replace_full_path or "/", None
    return None, wanted.replace_prefix_match or "/"


def _cors(wanted: api.Cors) -> Cors:
    return Cors(
        wanted.allow_origins,
        wanted.allow_methods,
        wanted.allow_headers,
        wanted.expose_headers,
        wanted.allow_credentials,
        wanted.max_age,
        answer_others=True,
    )
