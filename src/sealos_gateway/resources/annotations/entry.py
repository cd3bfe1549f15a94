"""What the list says of one annotation."""

from __future__ import annotations

import enum
from typing import NamedTuple

SEALOS = "sealos.io/"
NGINX = "nginx.ingress.kubernetes.io/"
HIGRESS = "higress.io/"


class Verdict(enum.Enum):
    """How an annotation of another gateway is honoured."""

    WORKS = "works"
    DIFFERS = "differs"
    REFUSED = "refused"
    #: Has no meaning on Envoy and needs none: accepted without a word.
    NOTHING = "no meaning"


class Annotation(NamedTuple):
    """`names` are all spellings, the one that wins first; `default` says what holds where all are absent.

    `note` says what differs or what to write instead, `test` the test that shows it (a file, or file::name). An
    annotation that protects something is `closed`: a value that cannot be honoured refuses the route instead of
    leaving it open.
    """

    names: tuple[str, ...]
    kind: str
    values: str
    default: str
    meaning: str
    verdict: Verdict = Verdict.WORKS
    note: str = ""
    test: str = ""
    closed: bool = False

    @property
    def name(self) -> str:
        """The spelling that people know."""
        return next((name for name in self.names if not name.startswith(SEALOS)), self.names[0])


def shared(short: str, values: str, default: str, meaning: str, **more: object) -> Annotation:
    """One of ingress-nginx that may also be written with our own prefix or that of Higress."""
    names = (SEALOS + short, NGINX + short, HIGRESS + short)
    return Annotation(names, "Ingress", values, default, meaning, **more)  # type: ignore[arg-type]


def ours(short: str, values: str, default: str, meaning: str, **more: object) -> Annotation:
    """One that no other gateway has."""
    return Annotation((SEALOS + short,), "Ingress", values, default, meaning, **more)  # type: ignore[arg-type]


def of_higress(short: str, values: str, default: str, meaning: str, **more: object) -> Annotation:
    """One of Higress that may also be written with our own prefix."""
    return Annotation((SEALOS + short, HIGRESS + short), "Ingress", values, default, meaning, **more)  # type: ignore[arg-type]


def nothing(short: str, values: str, why: str) -> Annotation:
    """One of ingress-nginx, as Higress spells it too, that needs no meaning here."""
    return Annotation((NGINX + short, HIGRESS + short), "Ingress", values, "–", why, verdict=Verdict.NOTHING)
