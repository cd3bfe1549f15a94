"""Pieces of nginx configuration: read and translated, never executed."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import NGINX, Annotation, Verdict, shared

_NOTE = "what is understood, and what is refused with line and column: docs/snippets.md"
_TEST = "tests/e2e/test_snippets.py"

CONFIGURATION_SNIPPET = shared(
    "configuration-snippet",
    values="nginx configuration for a location (docs/snippets.md)",
    default="nothing",
    meaning="Headers, redirects, rewrites and conditions for the paths of this Ingress, in nginx' words. Only in"
    " namespaces that `ingress.snippet_namespaces` allows.",
    verdict=Verdict.DIFFERS,
    note=_NOTE,
    test=_TEST,
)
SERVER_SNIPPET = shared(
    "server-snippet",
    values="nginx configuration for a server (docs/snippets.md)",
    default="nothing",
    meaning="The same, for what stands before and around the paths. It holds for the paths of this Ingress; what other"
    " Ingresses say of the same host stays theirs.",
    verdict=Verdict.DIFFERS,
    note=_NOTE,
    test=_TEST,
)
STREAM_SNIPPET = Annotation(
    (NGINX + "stream-snippet",),
    kind="Ingress",
    values="nginx configuration for a stream",
    default="nothing",
    meaning="Configuration of TCP and UDP in nginx' words.",
    verdict=Verdict.REFUSED,
    note="write a TCPRoute or a UDPRoute",
    test="tests/golden/annotations/snippets.yaml",
)

ALL = (CONFIGURATION_SNIPPET, SERVER_SNIPPET, STREAM_SNIPPET)
