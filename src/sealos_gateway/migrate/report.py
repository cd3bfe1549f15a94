"""The report of a migration: every annotation of every Ingress, every key of the controller, every problem of the
pipeline.

Verdicts come from the list of annotations (`resources.annotations.every`); values that cannot be honoured from the
problems that the pipeline tells about the objects, so that the report says what `sgw run` would do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sealos_gateway.migrate import configmaps, higress
from sealos_gateway.migrate.findings import Finding, Report, Severity
from sealos_gateway.model.problem import Problem
from sealos_gateway.nginx import snippet
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.annotations import every, snippets
from sealos_gateway.resources.annotations.entry import Annotation, Verdict
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Ref

Maps = Mapping[str, Mapping[str, str]]
#: Of annotations, and yet not refused.
_NOT_REFUSED = ("UnknownAnnotation", "LimitOfPort", "CanaryInherits")
_SNIPPETS = (snippets.CONFIGURATION_SNIPPET, snippets.SERVER_SNIPPET)


def report(source: str, pipeline: Pipeline, problems: Iterable[Problem], maps: Maps) -> Report:
    """`source` is `ingress-nginx` or `higress`, `problems` are those of files and pipeline, `maps` the controller's
    ConfigMaps by `namespace/name`."""
    found: list[Finding | None] = []
    for name, data in maps.items():
        found += configmaps.findings(source, name, data)
    told = list(problems)
    refused = {(str(problem.origin), problem.field) for problem in told}
    for ref in sorted(pipeline.attachments.rows):
        ingress = pipeline.ingresses.get(ref)
        if ingress is not None:
            found += _of_ingress(source, ref, ingress, refused)
    found += [_of_problem(problem) for problem in told]
    findings = sorted({it for it in found if it is not None}, key=lambda it: (-it.severity, it.object, it.field))
    works = sum(it is None for it in found)
    return Report(source, len(pipeline.attachments.rows), len(pipeline.hosts.rows), works, tuple(findings))


def _of_ingress(source: str, ref: Ref, ingress: Ingress, told: set[tuple[str, str]]) -> Iterator[Finding | None]:
    for name, value in sorted((ingress.metadata.annotations or {}).items()):
        entry = every.find(name)
        if entry is None:
            continue  # of others, or a mistake that the pipeline tells
        owner, field = f"Ingress {ref}", f"metadata.annotations[{name}]"
        if (owner, field) in told:
            continue
        severity, message = _verdict(source, name, value, entry)
        yield Finding(severity, field, message, owner) if severity is not Severity.WORKS else None


def _verdict(source: str, name: str, value: str, entry: Annotation) -> tuple[Severity, str]:
    if source == "higress" and higress.ignores(name):
        return (
            Severity.DIFFERS,
            f"Higress does not read it, and here it takes effect ({entry.meaning}); remove it to stay",
        )
    if entry in _SNIPPETS and source == "ingress-nginx":
        notes = snippet.translate(*((value, "") if entry is snippets.CONFIGURATION_SNIPPET else ("", value))).notes
        return (Severity.DIFFERS, "; ".join(notes)) if notes else (Severity.WORKS, "")
    match entry.verdict:
        case Verdict.DIFFERS:
            return Severity.DIFFERS, entry.note
        case Verdict.REFUSED:
            return Severity.REFUSED, entry.note
    return Severity.WORKS, ""


def _of_problem(problem: Problem) -> Finding:
    """What the pipeline says of an annotation is refused; other problems are there today, too, and differ at most."""
    annotation = problem.field.startswith("metadata.annotations")
    severity = Severity.REFUSED if annotation and problem.reason not in _NOT_REFUSED else Severity.DIFFERS
    return Finding(severity, problem.field, problem.message, str(problem.origin))
