"""The rules of HTTPRoute and GRPCRoute as routes of the model, for any host; `hosts` puts them where they belong.

A rule with a reference that cannot be followed answers 500 for the share of that backend (Gateway API,
`BackendRefs`), and the route's status says why.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.backend_policy import BackendPolicy
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import Retry, RetryOn, Timeouts
from sealos_gateway.model.traffic import Action, Forward, Match, Respond, Route, Split, Target
from sealos_gateway.resources.gateway_api import routes as api
from sealos_gateway.resources.gateway_api.meta import WeightedBackend
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.gateway_api import backends, durations, filters, matches, sessions
from sealos_gateway.translate.gateway_api.listeners import ACCEPTED, Flaw
from sealos_gateway.translate.gateway_api.world import GatewayWorld
from sealos_gateway.translate.ingress_backends import CLOSED
from sealos_gateway.translate.policies import merging, services
from sealos_gateway.translate.policies.attached import Attached
from sealos_gateway.translate.policies.said import Fields
from sealos_gateway.translate.world import World

_NOWHERE = Respond(500)
_REACHED = (RetryOn.CONNECT_FAILURE, RetryOn.REFUSED_STREAM, RetryOn.RESET)
_MILLION = 1_000_000


class Rules(msgspec.Struct, frozen=True, gc=False):
    """All rules of one route. `flaws` name what cannot be honoured, `gateways` are those that it is reached through,
    `counted` the listeners that count it. `served`: some rule does what it says, and not only answers 500 because of a
    match or a filter that cannot be had."""

    routes: tuple[Route, ...] = ()
    #: What rule and policies say for each of the routes: it comes before what a listener passes on. Empty: nothing.
    said: tuple[Fields, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    gateways: tuple[Ref, ...] = ()
    counted: tuple[tuple[Origin, str], ...] = ()
    served: bool = False

    @property
    def backends(self) -> set[BackendKey]:
        return {key for route in self.routes for key in route.backends}


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a share of the requests, so many in a million; 0 is all that are left.

    `policy` comes on top of that of the rule.
    """

    share: int
    action: Action
    policy: dict[str, Any] = {}

    def of(self, match: Match) -> Match:
        """The match that takes this share alone."""
        if not self.share:
            return match
        conditions = msgspec.structs.replace(match.conditions, share=self.share)
        return msgspec.structs.replace(match, conditions=conditions)

    def on_top_of(self, policy: dict[str, Any]) -> dict[str, Any]:
        """Both policies; copies add up."""
        copies = (*policy.get("mirrors", ()), *self.policy.get("mirrors", ()))
        return policy | self.policy | ({"mirrors": copies} if copies else {})


class _Reader:
    """What every rule of one route is read with."""

    def __init__(self, origin: Origin, read: Read, world: World, gateways: GatewayWorld) -> None:
        self.origin, self.read, self.world, self.gateways = origin, read, world, gateways
        self.routes: list[Route] = []
        self.said: list[Fields] = []
        table = world.attached.get(origin.kind)
        self.attached = (read(table, origin.ref) if table is not None else None) or Attached()
        self.flaws: list[Flaw] = []
        self.served = False
        #: Of rules that are not served because of a reference: told beside rules that are.
        self.unserved: list[Flaw] = []

    def filtered(self, where: str, wanted: Any, asked: bool = False) -> filters.Filtered:
        found = filters.filtered(self.origin, where, wanted, self.read, self.world, self.gateways)
        if asked and filters.ASKED in found.policy:
            found.refuse_second(where)
        self.flaws += found.flaws
        return found

    def backend(self, field: str, wanted: WeightedBackend, policy: BackendPolicy | None) -> Any:
        found = backends.backend(self.origin, field, wanted, self.read, self.world, self.gateways, policy)
        if isinstance(found, Flaw):
            self.flaws.append(found)
            return None
        return found

    def answers(
        self, where: str, wanted: tuple[Any, ...], policy: BackendPolicy | None, asked: bool = False
    ) -> list[Answer]:
        """What becomes of requests to these backends: mostly one answer for all of them. `asked`: the rule has a
        service that is asked.

        A weighted cluster of Envoy can change headers and nothing else, so a backend with other filters gets its share
        of the requests by an answer of its own, as do those that do not exist where there is such a one.
        """
        usual: list[Target] = []
        apart: list[tuple[int, Action, dict[str, Any]]] = []
        for number, one in enumerate(wanted):
            place = f"{where}.backendRefs[{number}]"
            key = self.backend(place, one, policy)
            own = self.filtered(place, getattr(one, "filters", ()), asked)
            headers = own.policy.pop("request_headers", None), own.policy.pop("response_headers", None)
            if (question := own.policy.get(filters.ASKED)) is not None:  # what the rule itself does comes before
                own.policy[filters.ASKED] = msgspec.structs.replace(question, sees_changes=True)
            target = Target(None if own.broken else key, one.weight, *headers)
            if one.weight <= 0:
                continue
            if target.backend is not None and own.redirect is not None:
                kept = {"response_headers": headers[1], filters.ASKED: own.policy.get(filters.ASKED)}
                apart.append((one.weight, own.redirect, {name: it for name, it in kept.items() if it}))
            elif target.backend is not None and own.policy:
                apart.append((one.weight, _action([target]), own.policy))
            else:
                usual.append(target)
        if not apart:
            return [Answer(0, _action(usual))]
        apart += [(it.weight, _NOWHERE, {}) for it in usual if it.backend is None]
        usual = [it for it in usual if it.backend is not None]
        return _shares(apart, usual)

    def add(self, name: str | None, wanted: list[Match], answers: list[Answer], policy: dict[str, Any]) -> None:
        """A rule: what its own policy says, then the rule, a policy of the route, and those of its Services."""
        own, all_ = self.attached.at(name) if name else None, self.attached.at("")
        if (own is not None and own.closed) or (all_ is not None and all_.closed):
            answers, policy = [Answer(0, CLOSED)], {}
        for answer in answers:
            fields = answer.on_top_of(policy)
            if answer.action not in (_NOWHERE, CLOSED):
                of_services = services.route_fields(answer.action, self.read, self.world)
                places = [own.fields if own else (), fields.items(), all_.fields if all_ else (), of_services]
                fields = merging.merged(places) if any(places) else {}
            made = self.world.interned(merging.policy(fields)) if fields else None
            self.routes += [Route(answer.of(match), answer.action, self.origin, policy=made) for match in wanted]
            self.said += [tuple(fields.items())] * len(wanted)

    def done(self) -> Rules:
        said = tuple(self.said) if any(self.said) else ()
        flaws = [*self.flaws, *(self.unserved if self.served else ())]
        return Rules(tuple(self.routes), said, tuple(flaws), served=self.served)


def _action(targets: list[Target]) -> Action:
    """One backend, a split, or 500 where there is nobody to ask."""
    if not any(target.backend for target in targets):
        return _NOWHERE
    first = targets[0]
    if len(targets) == 1 and first.backend and not (first.request_headers or first.response_headers):
        return Forward(first.backend)
    return Split(tuple(targets))


def _shares(apart: list[tuple[int, Action, dict[str, Any]]], usual: list[Target]) -> list[Answer]:
    """Envoy draws one number for a request, however many routes ask for a share: each takes in those before it."""
    total = sum(weight for weight, _, _ in apart) + sum(target.weight for target in usual)
    found, so_far = [], 0
    for weight, action, policy in apart:
        so_far += weight
        found.append(Answer(max(1, so_far * _MILLION // total) if so_far < total else 0, action, policy))
    if usual:
        # That one number decides among the weights of the rest, too: large ones must not have a divisor with a million.
        divisor = math.gcd(*(target.weight for target in usual))
        smaller = [msgspec.structs.replace(target, weight=target.weight // divisor) for target in usual]
        found.append(Answer(0, _action(smaller)))
    return found


def http(route: api.HTTPRoute, read: Read, world: World, gateways: GatewayWorld) -> Rules:
    """Of an HTTPRoute."""
    reader = _Reader(Origin("HTTPRoute", route.ref), read, world, gateways)
    for number, rule in enumerate(route.spec.rules):
        where = f"spec.rules[{number}]"
        found, wrong = matches.http(where, rule.matches or (api.HttpMatch(),))
        reader.flaws += wrong
        did = reader.filtered(where, rule.filters)
        policy, asked = did.policy, filters.ASKED in did.policy
        answers = [Answer(0, did.redirect)] if did.redirect else reader.answers(where, rule.backend_refs, None, asked)
        if did.broken:
            answers, policy = [Answer(0, _NOWHERE)], {}
            reader.unserved += _unserved(where, did)
        reader.served |= bool(found) and not did.broken
        _times(reader, where, rule, policy)
        _session(reader, where, rule, policy)
        reader.add(rule.name, found, answers, policy)
    return reader.done()


def grpc(route: api.GRPCRoute, read: Read, world: World, gateways: GatewayWorld) -> Rules:
    """Of a GRPCRoute: backends speak HTTP/2 unless their `appProtocol` says how."""
    reader = _Reader(Origin("GRPCRoute", route.ref), read, world, gateways)
    for number, rule in enumerate(route.spec.rules):
        where = f"spec.rules[{number}]"
        found, wrong = matches.grpc(where, rule.matches)
        reader.flaws += wrong
        did = reader.filtered(where, rule.filters)
        answers = reader.answers(where, rule.backend_refs, backends.GRPC)
        reader.served |= bool(found) and not did.broken
        _session(reader, where, rule, did.policy)
        reader.add(rule.name, found, [Answer(0, _NOWHERE)] if did.broken else answers, {} if did.broken else did.policy)
    return reader.done()


def _unserved(where: str, did: filters.Filtered) -> list[Flaw]:
    """A rule that is not served because of a reference: the condition for references does not say so by itself."""
    if any(flaw.condition == ACCEPTED for flaw in did.flaws):
        return []
    text = f"{where}: the service that a filter asks cannot be used; the rule answers 500"
    return [Flaw(ACCEPTED, "UnsupportedValue", text)]


def _times(reader: _Reader, where: str, rule: api.HttpRule, policy: dict[str, Any]) -> None:
    """A whole request, one try of it, and how often it is tried."""
    request = _seconds(reader, f"{where}.timeouts.request", rule.timeouts.request if rule.timeouts else None)
    attempt = _seconds(
        reader, f"{where}.timeouts.backendRequest", rule.timeouts.backend_request if rule.timeouts else None
    )
    if request is not None or attempt is not None:
        policy["timeouts"] = Timeouts(request=request, attempt=attempt or None)
    if rule.retry is not None:
        pause = _seconds(reader, f"{where}.retry.backoff", rule.retry.backoff)
        policy["retry"] = Retry(rule.retry.attempts, _REACHED, tuple(rule.retry.codes), pause or 0.0)


def _seconds(reader: _Reader, field: str, text: str | None) -> float | None:
    if text is None:
        return None
    found = durations.seconds(text)
    if found is None:
        reader.flaws.append(Flaw(ACCEPTED, "UnsupportedValue", f"{field}: {text[:40]!a} is not a duration as 1m30s"))
    return found


def _session(reader: _Reader, where: str, rule: api.HttpRule | api.GrpcRule, policy: dict[str, Any]) -> None:
    if rule.session_persistence is not None:
        place = f"{where}.sessionPersistence"
        kept, flaws = sessions.affinity(place, reader.origin, rule.name or where, rule.session_persistence)
        reader.flaws += flaws
        if kept is not None:
            policy["affinity"] = kept
