"""`auth-tls-*`, `ssl-ciphers` and versions: how TLS is spoken with the clients of a host."""

from __future__ import annotations

import re

from sealos_gateway.model.client_tls import Ask, ClientCertificates, ClientTls
from sealos_gateway.model.template import Of, Template
from sealos_gateway.nginx import regex
from sealos_gateway.resources.annotations import client_tls
from sealos_gateway.resources.annotations.entry import Annotation
from sealos_gateway.resources.meta import Origin
from sealos_gateway.translate import trust
from sealos_gateway.translate.annotations import templates
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.references import reference
from sealos_gateway.translate.annotations.upstream import CIPHERS
from sealos_gateway.translate.annotations.values import Values

_VERSION = re.compile(r"(?:TLSv?)?1(?:\.([0-3]))?", re.IGNORECASE | re.ASCII)
_ASK = {"on": Ask.REQUIRED, "optional": Ask.OPTIONAL, "optional_no_ca": Ask.UNVERIFIED}
#: What Envoy can fill in where it answers by itself.
FILLED = frozenset(Of) - {Of.COOKIE, Of.CAPTURE, Of.ESCAPED_PATH_AND_QUERY, Of.RESPONSE_HEADER, Of.UPSTREAM_ADDRESS}


def read(values: Values, draft: Draft) -> None:
    """One value for all of them; a host takes it over from its Ingresses.

    Where certificates are asked for and cannot be checked, the whole host is closed: routes of other Ingresses of it
    count on the check as well.
    """
    before = values.refused
    values.refused = False
    _read(values, draft)
    if values.boolean(client_tls.SSL_PASSTHROUGH):
        _pass_through(values, draft)
    draft.closes_host = values.refused and values.has(client_tls.AUTH_TLS_SECRET)
    values.refused = values.refused or before


def _pass_through(values: Values, draft: Draft) -> None:
    """Nothing that needs the request in clear can hold over TLS that is not read: what protects must not seem to."""
    protects = [draft.policy.get(name) for name in ("networks", "basic_auth", "external_auth")]
    if any(protects) or draft.client_tls is not None:
        message = "TLS that goes to the backend unread cannot be checked; remove the annotations that ask for checks"
        values.complain(client_tls.SSL_PASSTHROUGH, message)
    elif any(not rule.host or rule.host.startswith("*") for rule in draft.ingress.spec.rules or ()):
        values.complain(
            client_tls.SSL_PASSTHROUGH, "it cannot hold for a wildcard or for any host; write hosts by names"
        )
    else:
        draft.passthrough = True


def _read(values: Values, draft: Draft) -> None:
    found = ClientTls(
        certificates=_certificates(values, draft),
        min_version=values.read(client_tls.TLS_MIN_VERSION, _version, "a version as TLSv1.2") or "",
        max_version=values.read(client_tls.TLS_MAX_VERSION, _version, "a version as TLSv1.3") or "",
        ciphers=_ciphers(values),
    )
    if found.min_version and found.max_version and found.min_version > found.max_version:
        values.complain(client_tls.TLS_MIN_VERSION, "it is above tls-max-protocol-version")
    if found == ClientTls():
        return
    if any(not rule.host or rule.host.startswith("*") for rule in draft.ingress.spec.rules or ()):
        what = client_tls.AUTH_TLS_SECRET if found.certificates else _named(values)
        values.complain(what, "it cannot hold for a wildcard or for any host; write hosts by their names")
    if not values.refused:
        draft.client_tls = found


def _named(values: Values) -> Annotation:
    entries = (client_tls.TLS_MIN_VERSION, client_tls.TLS_MAX_VERSION, client_tls.SSL_CIPHERS)
    return next((entry for entry in entries if values.has(entry)), client_tls.SSL_CIPHER)


def _certificates(values: Values, draft: Draft) -> ClientCertificates | None:
    ref = reference(client_tls.AUTH_TLS_SECRET, values, draft)
    ask = values.choice(client_tls.AUTH_TLS_VERIFY_CLIENT, *_ASK, "off")
    if ref is None or ask == "off":
        return None
    origin = Origin(trust.SECRET, ref)
    draft.secrets[ref] = None
    loaded = trust.load(origin, draft.read, draft.world)
    if loaded.bundle is None:
        values.complain(client_tls.AUTH_TLS_SECRET, loaded.error, "InvalidSecret")
        return None
    draft.authorities[origin] = None
    return ClientCertificates(
        origin,
        ask=_ASK[ask or "on"],
        depth=values.whole(client_tls.AUTH_TLS_VERIFY_DEPTH, 1, 100) or 1,
        subject=values.read(client_tls.AUTH_TLS_MATCH_CN, _subject, "CN= and a regular expression of RE2") or "",
        error_page=_page(values),
        pass_certificate=values.boolean(client_tls.AUTH_TLS_PASS_CERTIFICATE) or False,
    )


def _subject(text: str) -> str | None:
    return text if text.startswith("CN=") and len(text) > 3 and not regex.problem(text) else None


def _page(values: Values) -> Template | None:
    text = values.text(client_tls.AUTH_TLS_ERROR_PAGE)
    if not text:
        return None
    if not re.fullmatch(r"(https?://|/|\$)[^\s]*", text):
        values.complain(client_tls.AUTH_TLS_ERROR_PAGE, f"{text[:60]!r} is not a URL")
        return None
    return templates.template(values, client_tls.AUTH_TLS_ERROR_PAGE, text, FILLED)


def _version(text: str) -> str | None:
    found = _VERSION.fullmatch(text)
    return f"1.{found[1] or '0'}" if found else None


def _ciphers(values: Values) -> tuple[str, ...]:
    entry = client_tls.SSL_CIPHERS if values.has(client_tls.SSL_CIPHERS) else client_tls.SSL_CIPHER
    words = [word for word in re.split(r"[:,\s]+", values.text(entry, lines=True) or "") if word]
    kept = tuple(dict.fromkeys(word for word in words if word in CIPHERS))
    left_out = [word for word in words if word not in CIPHERS and not word.startswith(("!", "-", "TLS_"))]
    if left_out:
        rest = "the others hold" if kept else "the setting tls.ciphers holds"
        values.warn(entry, f"Envoy has no cipher {left_out[0][:40]!r}; {rest}", "UnsupportedCipher")
    return kept
