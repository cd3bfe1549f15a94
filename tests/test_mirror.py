"""Tests are found where one looks for them: `src/sealos_gateway/a/b.py` has `tests/a/test_b.py`, or is listed here."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "sealos_gateway"

#: A file, or a whole room: where its tests are, and why not in a file of its own.
EXCEPTIONS = {
    "files": ("test_files.py", "one door (`Source`): what is behind it is tested through it"),
    "echo": ("test_echo.py", "one door (`EchoSettings`, `run`): tested as a client sees it"),
    "node/admin.py": ("test_statusport.py", "two questions to Envoy; its answers are used end to end"),
    "controller.py": ("e2e", "joins objects, pipeline and fleet: shown end to end"),
    "dataplane.py": ("e2e", "joins Envoy, its socket and its supervisor: shown end to end"),
    "controlplane.py": ("e2e/test_relay.py", "joins the parts of `sgw control`: shown end to end"),
    "agent.py": ("e2e/test_relay.py", "joins the parts of `sgw node`: shown end to end"),
    "control/metrics.py": ("control/test_server.py", "reads what the server counts"),
    "node/link.py": ("control/test_server.py", "both ends of one conversation are tested together"),
    "node/membership.py": ("control/test_server.py", "both ends of one conversation are tested together"),
    "node/upstream.py": ("control/test_server.py", "both ends of one conversation are tested together"),
    "node/metrics.py": ("e2e/test_relay.py", "reads what the parts of a node count"),
    "trust/credentials.py": ("trust/test_authority.py", "values without logic"),
    "trust/keys.py": ("trust/test_authority.py", "keys that an authority signs"),
    "trust/holder.py": ("trust/test_identity.py", "names, read back from certificates"),
    "node/applicant.py": ("node/test_keymaker.py", "both ends of one conversation are tested together"),
    "trust/enrolment.py": ("control/test_admission.py", "values without logic"),
    "trust/review.py": ("control/test_admission.py", "a protocol and two errors"),
    "main.py": ("e2e", "only joins the others: all of it is shown end to end"),
    "lifecycle.py": ("e2e/test_lifecycle.py", "how commands start and stop, seen from outside"),
    "pages.py": ("test_statusport.py", "asked over the port that shows them"),
    "cli": ("test_cli.py", "one door (`sgw`): commands as a user types them"),
    "objects.py": ("e2e/test_kubernetes.py", "a folder or an API server behind a whole gateway"),
    "resources/update.py": ("test_files.py", "two tuples"),
    "__main__.py": ("test_cli.py", "calls the command line"),
    "xds/placement.py": ("xds/test_planes.py", "a part of the snapshot, seen through views"),
    "xds/messages.py": ("xds/test_stream.py", "values without logic"),
    "xds/interest.py": ("xds/test_stream_presentation.py", "a part of the stream, tested as dialogues"),
    "xds/subscription.py": ("xds/test_stream_order.py", "a part of the stream, tested as dialogues"),
    "envoy/api.py": ("envoy/test_routes.py", "imports and one-line builders that every other file uses"),
    "tables": ("test_pipeline.py", "who reads whom: what one change computes is counted there"),
    "sinks.py": ("test_pipeline.py", "what a changed row marks is counted there"),
    "renderers.py": ("test_golden.py", "a choice of a function of `envoy` for each name"),
    "translate/world.py": ("test_pipeline.py", "a holder of tables"),
    "resources/meta.py": ("resources/test_kinds.py", "values, decoded there"),
    "resources/core.py": ("resources/test_kinds.py", "values, decoded there"),
    "resources/ingress.py": ("resources/test_kinds.py", "values, decoded there"),
    "resources/gateway_api": ("resources/test_gateway_api.py", "one sample with every field"),
    "resources/policies": ("resources/test_policies.py", "one sample with every field"),
    "resources/owned.py": ("provision/test_tables.py", "values, read back there"),
    "resources/profile.py": ("provision/test_objects.py", "values, used there"),
    "provision/plan.py": ("provision/test_objects.py", "values, made into objects there"),
    "provision/parameters.py": ("provision/test_tables.py", "two functions of the tables"),
    "provision/deployed.py": ("provision/test_tables.py", "values and functions of the tables"),
    "translate/gateway_api": ("translate/test_gateway_api.py", "rows that read each other, judged together"),
    "resources/annotations": ("test_reference.py", "lists of names, documented there"),
    "translate/policies": ("translate/test_policies.py", "one door (`PolicyTables`): fields are shown case by case"),
    "translate/annotations": ("translate/test_annotations.py", "one door (`ingress_policy`): read together"),
    "model/private.py": ("test_private.py", "never printed, wherever it is"),
    "envoy/reading.py": ("envoy/test_companions.py", "the way back of what companions, secrets, routes write"),
    "envoy/types.py": ("envoy/test_names.py", "what names and a relay have in common"),
    "model/keys.py": ("envoy/test_names.py", "two tuples, named there"),
    "model/policy.py": ("translate/test_annotations.py", "values, made there and rendered in envoy/policies"),
    "model/backend_policy.py": ("envoy/test_upstreams.py", "values, rendered there"),
    "envoy/policies": ("envoy/test_policies.py", "one door (`chain.per_route`)"),
    "envoy/backend_policies.py": ("envoy/test_upstreams.py", "parts of a cluster"),
    "envoy/tls_contexts.py": ("envoy/test_upstreams.py", "parts of TLS contexts, seen there and in test_listeners"),
    "envoy/upstream_tls.py": ("envoy/test_upstreams.py", "a part of a cluster"),
    "envoy/upstream_http.py": ("envoy/test_upstreams.py", "a part of a cluster"),
    "translate/ingress_backends.py": ("translate/test_ingress.py", "a part of reading an Ingress"),
    "translate/ingress_paths.py": ("test_golden.py", "what a path means is shown case by case"),
    "translate/ingress_routes.py": ("test_golden.py", "the routes of an Ingress are shown case by case"),
    "translate/canaries.py": ("test_golden.py", "golden/annotations/canary.yaml"),
    "translate/hosts.py": ("translate/test_ingress.py", "a part of reading an Ingress"),
    "webhook/certificate.py": ("webhook/test_server.py", "tested through the server that shows it"),
    "envoy/gateway_listeners.py": ("e2e/gateway_api/test_http_routes.py", "shown with the routes that it serves"),
    "model/gateway_listener.py": ("e2e/gateway_api/test_http_routes.py", "values, rendered there"),
    "envoy/headers.py": ("envoy/test_actions.py", "lists of headers, part of an action"),
    **{
        f"nginx/{name}.py": ("nginx/test_snippet.py", "a step of a snippet, tested as texts and against a real nginx")
        for name in (
            "conditions",
            "directives",
            "flow",
            "headers",
            "hints",
            "level",
            "locations",
            "matchers",
            "rewrites",
            "way",
        )
    },
    "migrate/gateway_api": ("migrate/test_gateway_api.py", "one door (`convert`), and both forms asked the same"),
    "model/authorization.py": ("envoy/test_authorization.py", "values without logic"),
    "model/statements.py": ("nginx/test_snippet.py", "values without logic"),
    **{
        f"migrate/{name}.py": ("migrate/test_report.py", "a part of `sgw migrate`, tested as a user sees it")
        for name in ("configmaps", "findings", "higress")
    },
    **{
        f"migrate/{name}.py": ("migrate/test_diff.py", "a part of `sgw diff`, tested as a user sees it")
        for name in ("requests", "samples")
    },
}

FILES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if path.name != "__init__.py")


def mirrored(path: Path) -> bool:
    return (TESTS / path.parent / f"test_{path.name}").exists()


def exceptions(path: Path) -> list[str]:
    places = (path, *path.parents)
    return [place.as_posix() for place in places if place.as_posix() in EXCEPTIONS]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_file_has_its_tests(path: Path) -> None:
    assert mirrored(path) or exceptions(path), f"write tests/{path.parent / f'test_{path.name}'}"


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_every_exception_is_one(name: str) -> None:
    there = [path for path in FILES if name in exceptions(path)]
    assert there, "the file is gone: remove it from the list"
    assert not all(mirrored(path) for path in there), "it has tests of its own now: remove it from the list"
    assert (TESTS / EXCEPTIONS[name][0]).exists(), "the tests that stand for it are gone"
