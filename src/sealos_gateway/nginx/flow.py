"""What a server and a location with ifs come to: every way through them, each as one variant.

In nginx the steps (`if`, `set`, `rewrite`, `return`) are done in order for each request, and the last `if` that was
true gives the request its headers and limits. Here all ways are gone beforehand. What is true is tried first, and the
conditions of a way that were false are left out: a way that comes before it has taken those requests already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sealos_gateway.model.template import Of
from sealos_gateway.nginx import conditions, level, locations, matchers, regex, variables
from sealos_gateway.nginx.bounded import BoundError
from sealos_gateway.nginx.conditions import Condition
from sealos_gateway.nginx.lexer import NginxError, Position
from sealos_gateway.nginx.way import Groups, Way, filled, without_captures

#: Each way is a route of Envoy, for each path.
MOST = 16
#: Every path starts with a slash: these are always found, so nothing has to be tested.
_ALWAYS = frozenset(
    {"^", "^/", "/", "^.*", "^.*$", ".*", "(.*)", "^(.*)", "^(.*)$", "^/(.*)", "^/(.*)$", "^/.*", "^/.*$"}
)
_PATH = (Of.PATH, Of.QUERY)


def ways(steps: Sequence[level.Step], start: Way, at: Position) -> list[Way]:
    """All ways through `steps` from `start`, in the order in which they must be tried. Raises NginxError."""
    found: list[Way] = []
    for way in _ways(steps, start):
        found.append(way)
        if len(found) > MOST:
            message = f"the conditions make more than {MOST} cases of one path; use fewer ifs, or end them with return"
            raise NginxError(at, message)
    return found


def _ways(steps: Sequence[level.Step], way: Way) -> Iterator[Way]:
    index = -1
    while (index := index + 1) < len(steps):
        step = steps[index]
        if count := _only_choosing(steps[index:]):
            yield from _last_wins(steps[index : index + count], steps[index + count :], way)
            return
        match step:
            case level.Set():
                way = _set(step, way)
            case level.Return():
                yield locations.answered(step, way)
                return
            case level.Break():
                yield way._replace(ended=True)
                return
            case level.If():
                taken, other = _fork(step, way)
            case level.Rewrite():
                taken, other = _rewritten(step, way)
        if not isinstance(step, level.If | level.Rewrite):
            continue
        if taken is not None:
            for one in _ways(step.body.steps, taken) if isinstance(step, level.If) else [taken]:
                yield from [one] if one.ended else _ways(steps[index + 1 :], one)
        if other is None:
            return
        way = other
    yield way


def _only_choosing(steps: Sequence[level.Step]) -> int:
    """How many ifs in a row have no steps of their own, so that only the last that is true counts."""
    count = 0
    for step in steps:
        if not isinstance(step, level.If) or step.body.steps:
            break
        count += 1
    if count < len(steps) and any(isinstance(step, level.If) and _captures(step) for step in steps[:count]):
        return 0  # what they captured may be used behind them
    return count


def _captures(step: level.If) -> bool:
    return "~" in step.test.operator and regex.groups(step.test.value.text) > 0


def _last_wins(run: Sequence[level.Step], rest: Sequence[level.Step], way: Way) -> Iterator[Way]:
    """The last is tried first: k ifs make k + 1 ways instead of two to the power of k."""
    for step in reversed(run):
        assert isinstance(step, level.If)
        taken, other = _fork(step, way)
        if taken is not None:
            yield from _ways(rest, taken)
        if other is None:
            return
        way = other
    yield from _ways(rest, way)


def _set(step: level.Set, way: Way) -> Way:
    value = filled(variables.parse(step.value, way.known), way.groups)
    without_captures(value, step.value.at)
    return way._replace(known={**way.known, step.name: value})


def _fork(step: level.If, way: Way) -> tuple[Way | None, Way | None]:
    """The way where the test is true, and the one where it is not; None for what cannot be."""
    found = conditions.outcome(step.test, way.known)
    chosen = way._replace(chosen=step.body)
    if found.known is not None:
        groups = Groups(known=found.groups) if "~" in step.test.operator else way.groups
        return (chosen._replace(groups=groups), None) if found.known else (None, way)
    condition = found.condition
    assert condition is not None
    _can_test(step.test, condition, way)
    if condition.regex and not condition.negate and step.test.operator:
        chosen = chosen._replace(groups=Groups(condition))
    return chosen._replace(conditions=(*way.conditions, condition)), way


def _can_test(test: conditions.Test, condition: Condition, way: Way) -> None:
    name, of = test.variable, condition.variable.of
    if of in (Of.CLIENT_ADDRESS, Of.FORWARDED_FOR):
        raise NginxError(test.at, f"${name} cannot be tested; write allow and deny, or allowlist-source-range")
    if of not in matchers.TESTABLE:
        raise NginxError(test.at, f"${name} cannot be tested before the request is forwarded; test the request itself")
    if way.path is not None and of in _PATH:
        raise NginxError(test.at, f"${name} has been rewritten before; write the rewrite after this if")
    try:
        matchers.conditions([condition])
    except BoundError as error:
        raise NginxError(test.value.at, f"the expression {test.value.text[:80]!r}: {error}") from None


def _rewritten(step: level.Rewrite, way: Way) -> tuple[Way | None, Way | None]:
    if way.path is not None:
        raise NginxError(step.at, "the path has been rewritten before; end the rewrite before this one with break")
    pattern = step.regex.text
    condition = Condition(variables.PATH, pattern.removeprefix("(?i)"), True, pattern.startswith("(?i)"))
    matched = way
    if pattern not in _ALWAYS:
        _can_test(conditions.Test("uri", step.at, "~", step.regex), condition, way)
        matched = way._replace(conditions=(*way.conditions, condition))
    matched = matched._replace(groups=Groups(condition))
    return locations.rewritten(step, matched), None if pattern in _ALWAYS else way
