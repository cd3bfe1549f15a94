"""One way through the steps of a server and a location, as far as it has been gone."""

from __future__ import annotations

from typing import NamedTuple

from sealos_gateway.model.policy import Rewrite
from sealos_gateway.model.template import Of, Template, Variable, joined
from sealos_gateway.model.traffic import Redirect, Respond
from sealos_gateway.nginx import variables
from sealos_gateway.nginx.conditions import Condition
from sealos_gateway.nginx.level import Level
from sealos_gateway.nginx.lexer import NginxError, Position


class Groups(NamedTuple):
    """What `$1` … stand for: texts that are known already, or groups of the expression of a condition."""

    condition: Condition | None = None
    known: tuple[str, ...] = ()


class Rewritten(NamedTuple):
    """The path on the way to the backend; see `model.statements.Variant`."""

    rewrite: Rewrite
    again: bool
    begins: str


class Way(NamedTuple):
    """`chosen` is the block of the last `if` that was true."""

    known: variables.Known
    in_server: bool = False
    conditions: tuple[Condition, ...] = ()
    chosen: Level | None = None
    groups: Groups = Groups()
    path: Rewritten | None = None
    answer: Redirect | Respond | None = None
    ended: bool = False


def filled(value: Template, groups: Groups) -> Template:
    """The value with every captured group that is known already; one that no expression has captured is empty."""

    def part(one: str | Variable) -> str | Variable:
        if isinstance(one, str) or one.of is not Of.CAPTURE or groups.condition is not None:
            return one
        return groups.known[int(one.name)] if int(one.name) < len(groups.known) else ""

    return joined(part(one) for one in value.parts)


def without_captures(value: Template, at: Position) -> None:
    """Raises NginxError where the value holds a group of an expression about the request."""
    if any(variable.of is Of.CAPTURE for variable in value.variables):
        message = "a captured group can be used in the URL of a redirect and in the path of a rewrite only"
        raise NginxError(at, f"{message}; write the text out, or have the application compute it")
