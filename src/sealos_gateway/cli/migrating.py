"""The commands for a move to this gateway: `migrate`, `diff`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealos_gateway.cli.options import (
    Classes,
    Config,
    Kubeconfig,
    Namespaces,
    Selector,
    Sources,
    loaded,
    must_exist,
    settings_of,
)
from sealos_gateway.cli.program import app, fail, stderr, stdout

if TYPE_CHECKING:
    from rich.console import Console

    from sealos_gateway.migrate import findings
    from sealos_gateway.migrate.gateway_api import conversion
    from sealos_gateway.pipeline import Pipeline


@app.command("migrate")
def migrate_from(
    source: Annotated[str, typer.Option("--from", help="ingress-nginx or higress.")],
    filename: Sources = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespaces = None,
    namespace_selector: Selector = "",
    configmap: Annotated[list[str] | None, typer.Option(help="The controller's ConfigMap, as namespace/name.")] = None,
    output: Annotated[str, typer.Option("-o", "--output", help="text or json.")] = "text",
    config: Config = None,
    ingress_class: Classes = None,
    to: Annotated[str, typer.Option("--to", help="gateway-api: write the objects that say the same.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="A folder for them; else standard output.")] = None,
    gateway: Annotated[str, typer.Option(help="The new Gateway, as namespace/name.")] = "sealos-gateway/ingress",
    gateway_class: Annotated[str, typer.Option(help="Its GatewayClass.")] = "sealos",
) -> None:
    """Say what of another gateway's configuration works here. Status 0: all; 1: something differs; 2: is refused."""
    import asyncio

    from sealos_gateway.kube.config import ConfigError, KubeConfig
    from sealos_gateway.kube.sync import Scope
    from sealos_gateway.migrate import reading
    from sealos_gateway.migrate import report as migration
    from sealos_gateway.migrate.gateway_api import conversion
    from sealos_gateway.resources.meta import Ref
    from sealos_gateway.settings import SettingsError

    if source not in reading.CONTROLLERS or output not in ("text", "json"):
        raise fail(f"--from {source} -o {output}: write --from ingress-nginx or higress, -o text or json", 64)
    if to not in ("", "gateway-api") or gateway.count("/") != 1 or (out is not None and not to):
        raise fail(f"--to {to} --gateway {gateway}: write --to gateway-api, --gateway namespace/name", 64)
    if bool(filename) == bool(kubeconfig):
        raise fail("say where the objects are: either -f or --kubeconfig", 64)
    base, wanted, classes = settings_of(config), reading.places(source, configmap or []), ingress_class or []
    try:
        if kubeconfig:
            scope = Scope(tuple(namespace or ()), namespace_selector)
            access = KubeConfig(str(kubeconfig))
            read = asyncio.run(reading.from_cluster(source, access, scope, base, wanted, classes))
        else:
            must_exist(filename or [])
            read = reading.from_files(source, filename or [], base, wanted, classes)
    except (ConfigError, reading.UnansweredError, SettingsError) as error:
        raise fail(str(error), 64) from None
    problems = [*read.problems, *read.pipeline.problems()]
    found = migration.report(source, read.pipeline, problems, read.maps)
    if to:
        target = conversion.Wanted(source, Ref(*gateway.split("/")), gateway_class)
        found = _write_gateway_api(read.pipeline, target, out, found)
    said = stderr() if to and out is None else stdout()
    if output == "json":
        said.file.write(found.as_json().decode())
    else:
        _print_migration(found, said)
    raise typer.Exit(int(found.severity))


def _write_gateway_api(
    pipeline: Pipeline, wanted: conversion.Wanted, out: Path | None, report: findings.Report
) -> findings.Report:
    """Writes the objects, and adds to the report what they do not say, and what they answer differently."""
    import msgspec

    from sealos_gateway.migrate.gateway_api import check as checking
    from sealos_gateway.migrate.gateway_api import conversion, writing

    made = conversion.convert(pipeline, wanted)
    try:
        if out is None:
            sys.stdout.write(writing.text(made.objects))
        else:
            writing.write(out, made.objects)
    except OSError as error:
        raise fail(f"--out {out}: {error.strerror or error}", 64) from None
    new = checking.pipeline(pipeline, made.objects, wanted.class_name)
    more = (*made.findings, *checking.findings(pipeline, new, made.objects))
    return msgspec.structs.replace(report, findings=(*report.findings, *more))


def _print_migration(found: findings.Report, said: Console) -> None:
    from rich.text import Text

    from sealos_gateway.migrate import findings
    from sealos_gateway.model.problem import printable

    said.print(f"from {found.source}: {found.ingresses} Ingresses, {found.hosts} hosts")
    counts = ", ".join(f"{found.count(it)} {it.name.lower()}" for it in findings.Severity)
    said.print(f"annotations and keys: {counts}")
    style = {findings.Severity.REFUSED: "bold red", findings.Severity.DIFFERS: "yellow"}
    for group in findings.grouped(found.findings):
        head = (f"{group.severity.name.lower():<8}", style[group.severity])
        said.print(Text.assemble(head, (group.field, "bold"), printable(f": {group.message}")))
        more = f" and {len(group.objects) - 3} more" if len(group.objects) > 3 else ""
        said.print(Text(printable(f"         {', '.join(group.objects[:3])}{more}"), style="dim"))


@app.command("diff")
def compare(
    filename: Annotated[list[Path], typer.Option("-f", "--filename", help="Twice: the old folder, then the new one.")],
    output: Annotated[str, typer.Option("-o", "--output", help="text or json.")] = "text",
    config: Config = None,
    ingress_class: Classes = None,
) -> None:
    """Say which requests are answered differently by a second set of manifests; exit status 1 when there are any."""
    import msgspec
    from rich.text import Text

    from sealos_gateway.migrate import diff
    from sealos_gateway.model.problem import printable

    if len(filename) != 2 or output not in ("text", "json"):
        raise fail("write -f OLD -f NEW, and -o text or json", 64)
    chosen = settings_of(config, ingress_class)
    (old, _), (new, _) = (loaded([path], chosen) for path in filename)
    found = diff.differences(old, new)
    if output == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found)).decode() + "\n")
    else:
        for one in found:
            more = f"  (and {one.requests - 1} like it)" if one.requests > 1 else ""
            stdout().print(Text.assemble((printable(one.request), "bold"), more))
            for change in one.changes:
                stdout().print(Text(printable(f"  - {change.aspect}: {change.old or 'none'}"), style="red"))
                stdout().print(Text(printable(f"  + {change.aspect}: {change.new or 'none'}"), style="green"))
        stderr().print(f"{len(found)} differences")
    raise typer.Exit(1 if found else 0)
