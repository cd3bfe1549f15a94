"""Annotations that only Higress has: headers, conditions, ways to write a path."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import HIGRESS, SEALOS, Annotation, Verdict, of_higress

_E2E = "tests/e2e/policies/test_higress.py"
_LINES = "lines `Name value`"
_NAMES = "names, separated by commas"


def _headers(short: str, values: str, meaning: str) -> Annotation:
    return of_higress(short, values, "none", meaning, test=f"{_E2E}::test_headers")


def _condition(short: str, of: str) -> Annotation:
    """One name for each header or parameter: the name of that stands at the end."""
    meaning = f"The paths answer only requests whose {of} has this value."
    return of_higress(
        f"{short}-*",
        "a text",
        "no condition; where it cannot be read the paths answer nothing",
        meaning,
        test=f"{_E2E}::test_conditions",
    )


def _refused(short: str, why: str) -> Annotation:
    return Annotation(
        (HIGRESS + short,),
        "Ingress",
        "–",
        "–",
        why,
        verdict=Verdict.REFUSED,
        note="Leave it out; a plugin or a backend of your own does this.",
        test="tests/golden/annotations/higress.yaml",
    )


REQUEST_ADD = _headers("request-header-control-add", _LINES, "Headers added to requests.")
REQUEST_UPDATE = _headers("request-header-control-update", _LINES, "Headers of requests that are set.")
REQUEST_REMOVE = _headers("request-header-control-remove", _NAMES, "Headers removed from requests.")
RESPONSE_ADD = _headers("response-header-control-add", _LINES, "Headers added to responses.")
RESPONSE_UPDATE = _headers("response-header-control-update", _LINES, "Headers of responses that are set.")
RESPONSE_REMOVE = _headers("response-header-control-remove", _NAMES, "Headers removed from responses.")
MATCH_METHOD = of_higress(
    "match-method",
    "methods, separated by spaces",
    "any",
    "The paths answer only these methods.",
    test=f"{_E2E}::test_conditions",
)
EXACT_HEADER = _condition("exact-match-header", "header")
PREFIX_HEADER = _condition("prefix-match-header", "header (beginning)")
REGEX_HEADER = _condition("regex-match-header", "header (RE2, all of it)")
EXACT_PSEUDO = _condition("exact-match-pseudo-header", "pseudo header")
PREFIX_PSEUDO = _condition("prefix-match-pseudo-header", "pseudo header (beginning)")
REGEX_PSEUDO = _condition("regex-match-pseudo-header", "pseudo header (RE2, all of it)")
EXACT_QUERY = _condition("exact-match-query", "query parameter")
PREFIX_QUERY = _condition("prefix-match-query", "query parameter (beginning)")
REGEX_QUERY = _condition("regex-match-query", "query parameter (RE2, all of it)")
IGNORE_CASE = Annotation(
    (f"{SEALOS}ignore-path-case", f"{HIGRESS}ignore-path-case", "nginx.ingress.kubernetes.io/ignore-path-case"),
    "Ingress",
    "`true`, `false`",
    "false",
    "Letter case of paths does not matter.",
    test=f"{_E2E}::test_paths",
)
REWRITE_PATH = of_higress(
    "rewrite-path",
    "a path",
    "the path stays",
    "Replaces what the path of the rule matched.",
    test=f"{_E2E}::test_paths",
)
FULL_REGEX = of_higress(
    "full-path-regex",
    "`true`, `false`",
    "false",
    "Paths are regular expressions for the whole path.",
    test=f"{_E2E}::test_paths",
)

DESTINATION = of_higress(
    "destination",
    "lines `[weight%] name.namespace.svc.cluster.local:port`",
    "the backends of the Ingress",
    "Services that answer instead of the backends of the Ingress.",
    verdict=Verdict.DIFFERS,
    note="Services of a registry (Nacos, DNS, static) and subsets are refused; Services of other namespaces need"
    " `ingress.cross_namespace`.",
    test=f"{_E2E}::test_a_destination_answers_instead_of_the_backend",
)

REFUSED = (
    _refused("http2rpc-name", "HTTP to Dubbo."),
    _refused("rpc-destination-name", "HTTP to Dubbo."),
    _refused("mcp-server", "An MCP server on the route."),
    _refused("mcp-server-match-rule-domains", "An MCP server on the route."),
    _refused("mcp-server-match-rule-type", "An MCP server on the route."),
    _refused("mcp-server-match-rule-value", "An MCP server on the route."),
    _refused("mcp-server-upstream-type", "An MCP server on the route."),
    _refused("mcp-server-enable-path-rewrite", "An MCP server on the route."),
    _refused("mcp-server-path-rewrite-prefix", "An MCP server on the route."),
    _refused("mcp-sse-stateful-param-name", "An MCP server on the route."),
)
CONDITIONS = (
    EXACT_HEADER,
    PREFIX_HEADER,
    REGEX_HEADER,
    EXACT_PSEUDO,
    PREFIX_PSEUDO,
    REGEX_PSEUDO,
    EXACT_QUERY,
    PREFIX_QUERY,
    REGEX_QUERY,
)
ALL = (
    REQUEST_ADD,
    REQUEST_UPDATE,
    REQUEST_REMOVE,
    RESPONSE_ADD,
    RESPONSE_UPDATE,
    RESPONSE_REMOVE,
    MATCH_METHOD,
    *CONDITIONS,
    IGNORE_CASE,
    REWRITE_PATH,
    FULL_REGEX,
    DESTINATION,
    *REFUSED,
)
