"""`auth-snippet`: of nginx' configuration for the question to `auth-url`, what changes its headers. Nothing else in it
could be honoured, and what is left out would leave a door open: any mistake closes the routes."""

from __future__ import annotations

from collections.abc import Collection

from sealos_gateway.model.header_names import TOKEN
from sealos_gateway.model.policy import HeaderAction, HeaderChange
from sealos_gateway.model.template import Of
from sealos_gateway.nginx import parser, variables
from sealos_gateway.nginx.lexer import NginxError
from sealos_gateway.nginx.parser import Directive
from sealos_gateway.resources.annotations import auth
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.higress import FIXED
from sealos_gateway.translate.annotations.values import Values

_ONLY = "only proxy_set_header NAME VALUE is understood here; have the service do what else is wanted"


def changes(values: Values, draft: Draft, filled: Collection[Of]) -> tuple[HeaderChange, ...]:
    """Headers of the question, in order; an empty value is a header that is not sent. `filled` are the variables that
    are known then."""
    text = values.raw(auth.AUTH_SNIPPET)
    if not text:
        return ()
    allowed = draft.world.rules.snippet_namespaces
    if "*" not in allowed and draft.ingress.metadata.namespace not in allowed:
        message = "snippets are off in this namespace (setting ingress.snippet_namespaces)"
        values.complain(auth.AUTH_SNIPPET, message, "SnippetsOff")
        return ()
    try:
        return tuple(_change(directive, filled) for directive in parser.parse(text))
    except NginxError as error:
        values.complain(auth.AUTH_SNIPPET, str(error), "InvalidSnippet")
        return ()


def _change(directive: Directive, filled: Collection[Of]) -> HeaderChange:
    if directive.name != "proxy_set_header" or directive.block is not None or len(directive.arguments) != 2:
        raise NginxError(directive.at, _ONLY)
    name, value = directive.arguments
    if not TOKEN.fullmatch(name.text) or name.text.lower() in FIXED:
        raise NginxError(name.at, f"{name.text[:40]!r} is not a header that can be set")
    found = variables.parse(value)
    if odd := [variable for variable in found.variables if variable.of not in filled]:
        raise NginxError(value.at, f"the {odd[0]} is not known when the service is asked; leave it out")
    if not value.text.isprintable():
        raise NginxError(value.at, "a header value cannot hold control characters; remove them")
    return HeaderChange(HeaderAction.SET, name.text.lower(), found)
