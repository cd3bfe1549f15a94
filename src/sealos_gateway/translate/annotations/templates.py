"""Values of annotations with nginx variables in them, as templates."""

from __future__ import annotations

from collections.abc import Collection

from sealos_gateway.model.template import Of, Template
from sealos_gateway.nginx import variables
from sealos_gateway.nginx.lexer import NginxError, Position, Word
from sealos_gateway.resources.annotations.entry import Annotation
from sealos_gateway.translate.annotations.values import Values


def optional(
    values: Values, entry: Annotation, fits: Collection[Of], where: str = "there", lines: bool = False
) -> Template | None:
    """The value as a template; None where it is absent, empty or wrong, which is told. See `template`."""
    text = values.text(entry, lines)
    return template(values, entry, text, fits, where) if text else None


def template(
    values: Values,
    entry: Annotation,
    text: str,
    fits: Collection[Of],
    where: str = "there",
    known: variables.Known | None = None,
) -> Template | None:
    """`text` with its variables, of which only those can be filled in that are read from one of `fits`; what cannot is
    told: it is not known `where`. `known` are further variables."""
    found = filled(text, fits, where, known)
    if isinstance(found, Template):
        return found
    values.complain(entry, found)
    return None


def filled(
    text: str, fits: Collection[Of], where: str = "there", known: variables.Known | None = None
) -> Template | str:
    """The text as a template, or why it is none; see `template`."""
    try:
        found = variables.parse(Word(text, Position(1, 1)), known)
    except NginxError as error:
        return error.message
    if not text.isprintable():
        return "it holds a control character"
    odd = next((variable for variable in found.variables if variable.of not in fits), None)
    return found if odd is None else f"the {odd} is not known {where}; leave it out"
