"""`configuration-snippet` and `server-snippet` of one Ingress: what is wrong, and what they do to its routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from sealos_gateway.model.problem import Problem
from sealos_gateway.model.statements import Statements
from sealos_gateway.model.template import Template, literal
from sealos_gateway.model.traffic import Forward, Redirect, Route
from sealos_gateway.nginx import snippet
from sealos_gateway.resources.annotations import snippets
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import variants
from sealos_gateway.translate.annotations.draft import Draft, Snippets
from sealos_gateway.translate.annotations.values import Values
from sealos_gateway.translate.ingress_backends import REFUSED
from sealos_gateway.translate.world import World

_ENTRIES = {"location": snippets.CONFIGURATION_SNIPPET, "server": snippets.SERVER_SNIPPET}
_CLOSED = "it protects something, so the routes answer 503 until it is corrected"
_OPEN = "nothing of this snippet is applied until it is corrected"


def read(values: Values, draft: Draft) -> None:
    """Leaves the texts with the draft when they are allowed here and right; tells what is wrong."""
    if values.has(snippets.STREAM_SNIPPET):
        message = "streams are not configured by snippets; write a TCPRoute or a UDPRoute"
        values.complain(snippets.STREAM_SNIPPET, message, "UnsupportedAnnotation")
    found = Snippets(*(values.raw(_ENTRIES[where]) or "" for where in ("location", "server")))
    if found == Snippets():
        return
    if not _allowed(draft):
        _refuse(values, found)
        return
    hosts = [rule.host.lower() for rule in draft.ingress.spec.rules or ()]
    # What holds for one host alone is told where that host is made (`applied`).
    known = _constants(values.origin.ref) | _host(hosts[0] if hosts else "*")
    translation = snippet.translate(found.location, found.server, known)
    end = _CLOSED if translation.closed else _OPEN
    for told in translation.mistakes:
        values.problems.append(_problem(values.origin, told.where, f"{told.mistake}; {end}", "InvalidSnippet"))
    _tell_of_headers(values, translation.statements, draft.world.rules.max_headers_kb)
    values.refused = values.refused or translation.closed
    broken = {told.where for told in translation.mistakes}
    draft.snippets = Snippets(
        "" if "location" in broken else found.location, "" if "server" in broken else found.server
    )


def _tell_of_headers(values: Values, statements: Statements, most: int) -> None:
    """Buffers for request headers are a limit of the whole port: it is enough, or that it is not is told."""
    wanted = max((variant.tuning.header_bytes or 0 for variant in statements.variants), default=0)
    if wanted > most << 10:
        message = (
            f"{-(-wanted >> 10)} KiB of request headers are asked for, and the port takes {most} KiB of every host; the"
            f" setting http.max_request_headers_kb says how many"
        )
        values.problems.append(_problem(values.origin, "server", message, "LimitOfPort"))


def _allowed(draft: Draft) -> bool:
    allowed = draft.world.rules.snippet_namespaces
    return "*" in allowed or draft.ingress.metadata.namespace in allowed


def _refuse(values: Values, found: Snippets) -> None:
    """Not allowed is not silently ignored; and what would protect must not stand open."""
    for where, text in found._asdict().items():
        if text:
            closed = snippet.closes(text)
            message = "snippets are off in this namespace (setting ingress.snippet_namespaces)"
            end = _CLOSED if closed else "it has no effect"
            values.problems.append(_problem(values.origin, where, f"{message}; {end}", "SnippetsOff"))
            values.refused = values.refused or closed


def _constants(ref: Ref) -> dict[str, Template]:
    """Variables of ingress-nginx that are constant in one location; those that differ by route stand for any value."""
    names = {"namespace": ref.namespace, "ingress_name": ref.name, "service_name": "-", "location_path": "/"}
    return {name: literal(value) for name, value in names.items()}


def _host(host: str) -> dict[str, Template]:
    return {} if not host or host.startswith("*") else {"host": literal(host), "server_name": literal(host)}


def applied(
    routes: Iterable[Route], host: str, said: Mapping[Origin, Snippets], problems: list[Problem], world: World
) -> tuple[Route, ...]:
    """The routes of a host with what the snippets of their objects say. They are in order, and stay so."""
    found: list[Route] = []
    for route in routes:
        texts = said.get(route.origin)
        # A redirect by annotation answers before anything that the snippet says.
        if texts is None or isinstance(route.action, Redirect):
            found.append(route)
        else:
            found += _expanded(route, host, texts, problems, world)
    return tuple(found)


def _expanded(route: Route, host: str, texts: Snippets, problems: list[Problem], world: World) -> list[Route]:
    known = _constants(route.origin.ref)
    known["location_path"] = literal(route.match.path)
    if isinstance(route.action, Forward):
        known["service_name"] = literal(route.action.backend.service)
    translation = snippet.translate(texts.location, texts.server, known | _host(host))
    # What is wrong here and was not before: for this host alone the text comes to something that cannot be done.
    for told in translation.mistakes:
        end = _CLOSED if translation.closed else _OPEN
        problems.append(_problem(route.origin, told.where, f"{told.mistake} (host {host}); {end}", "InvalidSnippet"))
    if translation.closed:
        return [msgspec.structs.replace(route, action=REFUSED, policy=None)]
    for variant in translation.statements.variants:
        if variants.leaves(route, variant):
            message = (
                f"a rewrite leads to {variant.begins or 'another path'}, and requests stay with the backend of"
                f" {route.match.path}; write break instead of last to say that this is meant, or a path for it"
            )
            problems.append(_problem(route.origin, "location", message, "RewriteLeavesPath"))
    return variants.routes(route, translation.statements, world.interned)


def _problem(origin: Origin, where: str, message: str, reason: str) -> Problem:
    return Problem(origin, f"metadata.annotations[{_ENTRIES[where].name}]", reason, message)
