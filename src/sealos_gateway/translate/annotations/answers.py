"""What a client sees of a backend's answer, and what ingress-nginx says to both sides without being asked."""

from __future__ import annotations

import re

from sealos_gateway.model.header_names import TOKEN
from sealos_gateway.model.policy import CookieChange, HeaderAction, HeaderChange
from sealos_gateway.model.template import Of, Template, Variable, literal
from sealos_gateway.resources.annotations import answers
from sealos_gateway.resources.annotations.entry import Annotation
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.higress import FIXED, VALUE
from sealos_gateway.translate.annotations.references import reference
from sealos_gateway.translate.annotations.values import Values

#: Text that stands for itself in nginx: no variable, no pattern, and nothing that ends a header or an attribute.
PLAIN = re.compile(r"[\x21-\x23\x25-\x3a\x3c-\x7d][\x21-\x23\x25-\x3a\x3c-\x7e]*", re.ASCII)
_SCHEME = Template((Variable(Of.SCHEME),))
#: Backends read the scheme by these names, too; a header `Proxy` would be taken for a setting by CGI programs.
_NGINX_REQUESTS = [
    HeaderChange(HeaderAction.SET, "x-scheme", _SCHEME),
    HeaderChange(HeaderAction.SET, "x-forwarded-scheme", _SCHEME),
    HeaderChange(HeaderAction.REMOVE, "proxy"),
]


def read(values: Values, draft: Draft) -> None:
    """`custom-headers`, `proxy-redirect-*`, `proxy-cookie-*`; first of the families, so that others win over it."""
    if draft.nginx:
        draft.request_headers += _NGINX_REQUESTS
        if hsts := draft.world.rules.hsts:
            draft.response_headers.append(
                HeaderChange(HeaderAction.SET, "strict-transport-security", literal(hsts), secure=True)
            )
    _custom(values, draft)
    _location(values, draft)
    cookies = (
        *_cookies(values, answers.COOKIE_DOMAIN, "domain"),
        *_cookies(values, answers.COOKIE_PATH, "path"),
    )
    if cookies:
        draft.policy["cookies"] = cookies


def _custom(values: Values, draft: Draft) -> None:
    entry = answers.CUSTOM_HEADERS
    ref = reference(entry, values, draft)
    if ref is None:
        return
    draft.config_maps[ref] = None
    found = draft.read(draft.world.config_maps, ref)
    if found is None:
        values.complain(entry, f"ConfigMap {ref} does not exist", "ConfigMapNotFound")
        return
    allowed = {name.lower() for name in draft.world.rules.allowed_response_headers}
    for name, value in sorted((found.data or {}).items()):
        if not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
            values.complain(entry, f"ConfigMap {ref}: {name[:40]!r} {value[:40]!r} is not a header with a value")
        elif name.lower() in FIXED:
            values.complain(entry, f"ConfigMap {ref}: {name.lower()} belongs to the connection and cannot be changed")
        elif name.lower() not in allowed and "*" not in allowed:
            message = f"ConfigMap {ref}: the setting ingress.allowed_response_headers does not list {name.lower()}"
            values.complain(entry, message, "HeaderNotAllowed")
        else:
            draft.response_headers.append(HeaderChange(HeaderAction.SET, name.lower(), literal(value)))


def _location(values: Values, draft: Draft) -> None:
    before, after = values.text(answers.REDIRECT_FROM), values.text(answers.REDIRECT_TO)
    if not before or before == "off":
        return
    if after is None:
        values.complain(answers.REDIRECT_FROM, "proxy-redirect-to is missing: write what stands there instead")
    elif before == "default":
        values.complain(answers.REDIRECT_FROM, "'default' names the address of a pod: write the text to be replaced")
    elif not PLAIN.fullmatch(before):
        values.complain(answers.REDIRECT_FROM, f"{before[:60]!r} is not plain text without variables and patterns")
    elif not PLAIN.fullmatch(after):
        values.complain(answers.REDIRECT_TO, f"{after[:60]!r} is not plain text without variables")
    else:
        draft.policy["location"] = ((before, after),)


def _cookies(values: Values, entry: Annotation, attribute: str) -> tuple[CookieChange, ...]:
    text = values.text(entry)
    if not text or text == "off":
        return ()
    words = text.removesuffix(";").split()
    if len(words) != 2 or not all(PLAIN.fullmatch(word) for word in words):
        values.complain(entry, f"{text[:60]!r} is not two texts without variables and patterns, or off")
        return ()
    if attribute == "domain":
        words = [word.removeprefix(".") for word in words]
    return (CookieChange(attribute, *words),)
