"""Two configurations: which requests are answered differently, and how."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sealos_gateway import explain
from sealos_gateway.migrate.requests import Ask, requests
from sealos_gateway.model.policy import Policy
from sealos_gateway.model.traffic import Route, VirtualHost
from sealos_gateway.pipeline import Pipeline


class Change(msgspec.Struct, frozen=True, order=True):
    """One aspect of an answer; empty: there is none."""

    aspect: str
    old: str
    new: str


class Difference(msgspec.Struct, frozen=True):
    """Changes that some requests have in common; the shortest of them stands for all."""

    host: str
    request: str
    changes: tuple[Change, ...]
    requests: int = 1


def differences(old: Pipeline, new: Pipeline) -> list[Difference]:
    """By host, in order. Of requests with the same changes one is shown."""
    found: list[Difference] = []
    for key in sorted({*old.hosts.rows, *new.hosts.rows}):
        before, after = old.hosts.get(key), new.hosts.get(key)
        if before is not None and before == after and _stands_on(before, old) == _stands_on(before, new):
            continue  # explanations look at every Ingress: they are for what may have changed
        routes = [route for row in (before, after) if row for route in row.routes]
        alike: dict[tuple[Change, ...], Difference] = {}
        for ask in requests(key.host, routes):
            changes = tuple(_changes(ask, old, new))
            if changes:
                before_it = alike.get(changes)
                shown = min(str(ask), before_it.request, key=len) if before_it else str(ask)
                alike[changes] = Difference(key.host, shown, changes, 1 + (before_it.requests if before_it else 0))
        found += alike.values()
    return found


def _stands_on(row: VirtualHost, pipeline: Pipeline) -> list[object]:
    """All that the answers of a host depend on besides its routes."""
    backends = {backend for route in row.routes for backend in route.backends}
    parent = row.key.host.partition(".")[2]
    patterns = (row.key.host, f"*.{parent}", "*")
    return [
        *((pipeline.backends.get(key), bool(pipeline.endpoints.get(key))) for key in sorted(backends, key=str)),
        *(bool(pipeline.certificates.get(pattern)) for pattern in patterns),
    ]


def _changes(ask: Ask, old: Pipeline, new: Pipeline) -> Iterator[Change]:
    before, after = (_answer(ask, pipeline) for pipeline in (old, new))
    for aspect in sorted({*before, *after}):
        one, other = before.get(aspect, ""), after.get(aspect, "")
        if one != other:
            yield Change(aspect, one, other)


def _answer(ask: Ask, pipeline: Pipeline) -> dict[str, str]:
    """What `explain` says of the request, and every policy of the route that answers."""
    found = explain.explain(ask.url, pipeline, ask.method, ask.headers)
    said = {"answer": found.answer, "backend": found.backend, "certificate": "yes" if found.certificate else ""}
    route = explain.route(ask.url, pipeline, ask.method, ask.headers)
    if route is not None:
        said |= _policies(route)
    return {aspect: text for aspect, text in said.items() if text}


def _policies(route: Route) -> dict[str, str]:
    if route.policy is None:
        return {}
    usual = Policy()
    values = {name: getattr(route.policy, name) for name in Policy.__struct_fields__}
    return {name: str(value) for name, value in values.items() if value != getattr(usual, name)}
