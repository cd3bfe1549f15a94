"""Requests from other origins (CORS), with the defaults of ingress-nginx."""

from __future__ import annotations

import re

from sealos_gateway.model.header_names import TOKEN
from sealos_gateway.model.policy import Cors
from sealos_gateway.resources.annotations import routing
from sealos_gateway.resources.annotations.entry import Annotation
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values

_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")
_HEADERS = ("DNT", "Keep-Alive", "User-Agent", "X-Requested-With", "If-Modified-Since", "Cache-Control", "Content-Type",
            "Range", "Authorization")  # fmt: skip
_MAX_AGE = 1_728_000
_ORIGIN = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:\*\.)?[A-Za-z0-9_.-]+(?::[0-9]{1,5})?", re.ASCII)


def read(values: Values, draft: Draft) -> None:
    """`enable-cors` and its companions."""
    if not values.boolean(routing.CORS):
        return
    origins = values.read(routing.CORS_ORIGIN, _origins, "a list of origins as https://a.example.com", lines=True)
    if origins is None and values.has(routing.CORS_ORIGIN):
        return  # nobody is better than everybody
    credentials = values.boolean(routing.CORS_CREDENTIALS)
    age = values.whole(routing.CORS_MAX_AGE)
    draft.policy["cors"] = Cors(
        origins=origins or ("*",),
        methods=_names(values, routing.CORS_METHODS, _METHODS),
        headers=_names(values, routing.CORS_HEADERS, _HEADERS),
        expose=_names(values, routing.CORS_EXPOSE, ()),
        credentials=True if credentials is None else credentials,
        max_age=_MAX_AGE if age is None else age,
        one_label=True,
        any_options=True,
    )


def _names(values: Values, entry: Annotation, usual: tuple[str, ...]) -> tuple[str, ...]:
    found = values.read(entry, lambda text: _listed(text, TOKEN), "a list of names, separated by commas", lines=True)
    return usual if found is None else found


def _origins(text: str) -> tuple[str, ...] | None:
    """One `*` among them stands for all."""
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    return ("*",) if "*" in words else _listed(text, _ORIGIN)


def _listed(text: str, word: re.Pattern[str]) -> tuple[str, ...] | None:
    words = tuple(dict.fromkeys(it.strip() for it in text.split(",") if it.strip()))
    return words if words and all(word.fullmatch(it) for it in words) else None
