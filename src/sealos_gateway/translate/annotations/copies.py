"""Copies of requests, and pages for errors."""

from __future__ import annotations

from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import ErrorPages, HeaderAction, HeaderChange, HeaderChanges, Mirror
from sealos_gateway.model.template import literal
from sealos_gateway.resources.annotations import copies, upstream
from sealos_gateway.translate.annotations import targets
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values


def read(values: Values, draft: Draft) -> None:
    """`mirror-*` and `custom-http-errors`."""
    _mirror(values, draft)
    _error_pages(values, draft)


def _mirror(values: Values, draft: Draft) -> None:
    found, host = targets.service_of(values, copies.MIRROR_SERVICE, draft), ""
    if found is None:
        found, host = targets.of_url(values, copies.MIRROR_TARGET, draft) or _named(values, draft)
    percent = values.whole(copies.MIRROR_PERCENTAGE, 0, 100)
    host = values.text(copies.MIRROR_HOST) or host
    values.choice(copies.MIRROR_BODY, "on", "off")
    if found is not None and percent != 0:
        draft.policy["mirrors"] = (Mirror(found, 100 if percent is None else percent, 100, host),)


def _named(values: Values, draft: Draft) -> tuple[BackendKey | None, str]:
    """Higress' way to name a host outside of the cluster."""
    port = values.whole(copies.MIRROR_NAME_PORT, 1, 65_535) or 80
    host = (values.text(copies.MIRROR_NAME) or "").lower().rstrip(".")
    return (targets.told_outside(values, copies.MIRROR_NAME, draft, "http", host, port), host) if host else (None, "")


def _error_pages(values: Values, draft: Draft) -> None:
    wanted = "status codes from 400 to 599, separated by commas"
    codes = values.read(copies.ERROR_CODES, _codes, wanted, lines=True)
    if not codes or values.boolean(copies.NO_INTERCEPT):
        return
    service = targets.service_of(values, upstream.DEFAULT_BACKEND, draft)
    if service is None:
        if not values.has(upstream.DEFAULT_BACKEND):
            values.complain(copies.ERROR_CODES, "there is no `default-backend` to ask for the pages")
        return
    metadata = draft.ingress.metadata
    names = {
        "x-namespace": metadata.namespace,
        "x-ingress-name": metadata.name,
        "x-service-name": service.service,
        "x-service-port": str(service.port),
    }
    sent = tuple(HeaderChange(HeaderAction.SET, name, literal(value)) for name, value in names.items())
    draft.policy["error_pages"] = ErrorPages(service, codes, HeaderChanges(sent))


def _codes(text: str) -> tuple[int, ...] | None:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() and 400 <= int(word) <= 599 for word in words):
        return None
    return tuple(dict.fromkeys(map(int, words)))
