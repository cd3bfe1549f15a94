"""The command line `sgw`: a function per command, `run` and the others."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import msgspec
import typer
import yaml
from rich.console import Console
from rich.text import Text

from sealos_gateway import dump, explain, main, objects, observe, settings
from sealos_gateway.control.server import PortError
from sealos_gateway.echo import server as echo_server
from sealos_gateway.files import source as files
from sealos_gateway.kube.config import ConfigError, InCluster, KubeConfig
from sealos_gateway.kube.sync import Scope
from sealos_gateway.migrate import diff, findings, reading
from sealos_gateway.migrate import report as migration
from sealos_gateway.migrate.gateway_api import check as checking
from sealos_gateway.migrate.gateway_api import conversion, writing
from sealos_gateway.model.problem import printable
from sealos_gateway.node import privileges
from sealos_gateway.node.supervisor import SupervisorError
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.meta import Ref
from sealos_gateway.webhook import server as webhook_server
from sealos_gateway.webhook.certificate import Place

app = typer.Typer(
    help="Sealos Gateway: Kubernetes objects in, live traffic through Envoy out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_out = Console(soft_wrap=True, highlight=False)
_err = Console(stderr=True, soft_wrap=True, highlight=False)

Manifests = Annotated[list[Path], typer.Option("-f", "--filename", help="A manifest or a folder of them; repeatable.")]
Config = Annotated[Path | None, typer.Option("--config", help="A settings file (docs/settings.md).")]
Classes = Annotated[list[str] | None, typer.Option("--ingress-class", help="A class name that is ours; repeatable.")]
Sources = Annotated[list[Path] | None, typer.Option("-f", "--filename", help="A manifest or a folder.")]
Kubeconfig = Annotated[Path | None, typer.Option(help="Read from the API server of this kubeconfig.")]
InPod = Annotated[bool, typer.Option("--in-cluster", help="Read from the API server of this pod.")]
Namespaces = Annotated[list[str] | None, typer.Option(help="Only this namespace; repeatable.")]
Selector = Annotated[str, typer.Option(help="Only namespaces with these labels.")]
HttpPort = Annotated[int | None, typer.Option(help="Port of plain HTTP (default: 8080).")]
HttpsPort = Annotated[int | None, typer.Option(help="Port of HTTPS, 0 for none (default: 8443).")]
XdsPort = Annotated[int | None, typer.Option(help="Nodes follow the configuration here (default: 18000).")]
EnrolPort = Annotated[int | None, typer.Option(help="Nodes get their certificates here (default: 18001).")]
Status = Annotated[int | None, typer.Option(help="Health, readiness, metrics (default: 8001).")]
State = Annotated[Path | None, typer.Option(help="What must survive a restart (default: temporary).")]
Workers = Annotated[int | None, typer.Option(help="Envoy worker threads (default: one per CPU).")]
LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]
LogJson = Annotated[bool, typer.Option("--log-json", help="Log as JSON lines.")]


#: Options that are settings of a group.
_IN_GROUPS = {"envoy": ("concurrency",), "control": ("xds_port", "enrol_port")}


def _fail(message: str, status: int = 1) -> typer.Exit:
    _err.print(Text.assemble(("error: ", "bold red"), message))
    return typer.Exit(status)


def _settings(config: Path | None, classes: list[str] | None = None, **overrides: Any) -> settings.Settings:
    try:
        found = settings.load(config)
    except settings.SettingsError as error:
        raise _fail(str(error), 2) from None
    given = {name: value for name, value in overrides.items() if value is not None}
    if classes:
        every = tuple(dict.fromkeys((*found.ingress.classes, *classes)))
        given["ingress"] = msgspec.structs.replace(found.ingress, classes=every)
    if "state_dir" in given:
        given["state_dir"] = str(given["state_dir"])
    for group, names in _IN_GROUPS.items():
        inner = {name: given.pop(name) for name in names if name in given}
        if inner:
            given[group] = msgspec.structs.replace(getattr(found, group), **inner)
    chosen = msgspec.structs.replace(found, **given)
    try:
        settings.check(chosen)
    except settings.SettingsError as error:
        raise _fail(str(error), 2) from None
    return chosen


def _must_exist(paths: list[Path]) -> None:
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise _fail(f"{', '.join(missing)}: no such file or folder", 2)


def _loaded(paths: list[Path], chosen: settings.Settings) -> tuple[Pipeline, files.Source]:
    """A settled pipeline over the manifests, for the commands that only look."""
    _must_exist(paths)
    try:
        pipeline = Pipeline(chosen)
    except settings.SettingsError as error:
        raise _fail(str(error), 2) from None
    source = files.Source(paths)
    for kind, ref, resource in source.load().puts:
        pipeline.put(kind, ref, resource)
    pipeline.settle()
    return pipeline, source


@app.command()
def run(
    filename: Sources = None,
    kubeconfig: Kubeconfig = None,
    in_cluster: InPod = False,
    namespace: Namespaces = None,
    namespace_selector: Selector = "",
    config: Config = None,
    ingress_class: Classes = None,
    http_port: HttpPort = None,
    https_port: HttpsPort = None,
    status_port: Status = None,
    state_dir: State = None,
    concurrency: Workers = None,
    log_level: LogLevel = "info",
    log_json: LogJson = False,
) -> None:
    """Run the gateway in the foreground: control plane and Envoy; manifests are followed as they change."""
    observe.configure_logging(log_level, log_json)
    chosen = _settings(
        config, ingress_class, http_port=http_port, https_port=https_port, status_port=status_port, state_dir=state_dir,
        concurrency=concurrency,
    )  # fmt: skip
    scope = _scope(namespace, namespace_selector)
    privileges.keep_low_ports()
    _go(lambda: _with(main.serve, chosen, _source(chosen, filename or [], kubeconfig, in_cluster, scope)))


@app.command()
def control(
    filename: Sources = None,
    kubeconfig: Kubeconfig = None,
    in_cluster: InPod = False,
    namespace: Namespaces = None,
    namespace_selector: Selector = "",
    config: Config = None,
    ingress_class: Classes = None,
    http_port: HttpPort = None,
    https_port: HttpsPort = None,
    xds_port: XdsPort = None,
    enrol_port: EnrolPort = None,
    status_port: Status = None,
    state_dir: State = None,
    log_level: LogLevel = "info",
    log_json: LogJson = False,
) -> None:
    """Run a control plane for nodes, without an Envoy; several may run side by side."""
    observe.configure_logging(log_level, log_json)
    chosen = _settings(
        config, ingress_class, http_port=http_port, https_port=https_port, status_port=status_port, state_dir=state_dir,
        xds_port=xds_port, enrol_port=enrol_port,
    )  # fmt: skip
    scope = _scope(namespace, namespace_selector)
    _go(lambda: _with(main.serve_nodes, chosen, _source(chosen, filename or [], kubeconfig, in_cluster, scope)))


@app.command()
def node(
    control: Annotated[str | None, typer.Option(help="Host name or address of the control plane.")] = None,
    config: Config = None,
    xds_port: XdsPort = None,
    enrol_port: EnrolPort = None,
    status_port: Status = None,
    state_dir: State = None,
    concurrency: Workers = None,
    log_level: LogLevel = "info",
    log_json: LogJson = False,
) -> None:
    """Run an Envoy and its relay, which follows a control plane and keeps on disk what it was given."""
    observe.configure_logging(log_level, log_json)
    chosen = _settings(
        config, status_port=status_port, state_dir=state_dir, xds_port=xds_port, enrol_port=enrol_port,
        concurrency=concurrency,
    )  # fmt: skip
    if control is not None:
        chosen = msgspec.structs.replace(chosen, node=msgspec.structs.replace(chosen.node, control=control))
    privileges.keep_low_ports()
    _go(lambda: main.serve_node(chosen))


def _scope(namespaces: list[str] | None, selector: str) -> Scope:
    if namespaces and selector:
        raise _fail("either --namespace or --namespace-selector", 2)
    return Scope(tuple(namespaces or ()), selector)


def _go(command: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run until it is told to stop; what a person can act on is said in one line."""
    try:
        asyncio.run(command())
    except (SupervisorError, PortError, settings.SettingsError, ConfigError) as error:
        raise _fail(str(error)) from None


async def _with(
    serve: Callable[[settings.Settings, objects.Objects], Coroutine[Any, Any, None]],
    chosen: settings.Settings,
    source: objects.Objects,
) -> None:
    if isinstance(source, objects.Cluster):
        await source.check()
    await serve(chosen, source)


def _source(
    chosen: settings.Settings, paths: list[Path], kubeconfig: Path | None, in_cluster: bool, scope: Scope
) -> objects.Objects:
    """The one place where objects come from."""
    if bool(paths) + bool(kubeconfig) + in_cluster != 1:
        raise _fail("say where the objects are: one of -f, --kubeconfig, --in-cluster", 2)
    if not paths:
        access = KubeConfig(str(kubeconfig)) if kubeconfig else InCluster()
        return objects.Cluster(access, scope, chosen.kubernetes)
    _must_exist(paths)
    return objects.Folder(paths)


@app.command()
def translate(
    filename: Manifests,
    output: Annotated[str, typer.Option("-o", "--output", help="json or yaml.")] = "yaml",
    config: Config = None,
    ingress_class: Classes = None,
) -> None:
    """Print the Envoy resources, per object; private keys are left out."""
    if output not in ("json", "yaml"):
        raise _fail(f"-o {output}: write json or yaml", 2)
    pipeline, _ = _loaded(filename, _settings(config, ingress_class))
    found = dump.per_object(pipeline)
    if output == "json":
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=120))


@app.command()
def check(filename: Manifests, config: Config = None, ingress_class: Classes = None) -> None:
    """Print every problem with object, field and reason; exit status 1 when there is one."""
    pipeline, source = _loaded(filename, _settings(config, ingress_class))
    problems = [*source.problems, *pipeline.problems()]
    for problem in problems:
        place = f" {problem.field}" if problem.field else ""
        reason = (problem.reason, "red")
        message = printable(f": {problem.message}")
        _out.print(Text.assemble((str(problem.origin), "bold"), printable(place), ": ", reason, message))
    served = f"{len(pipeline.host_keys())} hosts, {len(pipeline.backends)} backends"
    _err.print(f"{len(problems)} problems; {served}")
    raise typer.Exit(1 if problems else 0)


@app.command("explain")
def explain_url(
    url: str,
    filename: Annotated[list[Path] | None, typer.Option("-f", "--filename", help="A manifest or a folder.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Ask the running gateway.")] = False,
    status_port: Annotated[int, typer.Option(help="Status port of the running gateway.")] = 8001,
    output: Annotated[str, typer.Option("-o", "--output", help="text or json.")] = "text",
    config: Config = None,
    ingress_class: Classes = None,
) -> None:
    """Say which object, rule, backend and endpoints answer a URL, and why the others do not."""
    if live == bool(filename):
        raise _fail("say where to look: either -f DIR or --live", 2)
    if live:
        found = _ask_live(url, status_port)
    else:
        pipeline, _ = _loaded(filename or [], _settings(config, ingress_class))
        try:
            found = explain.explain(url, pipeline)
        except explain.UrlError as error:
            raise _fail(str(error), 2) from None
    if output == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found)).decode() + "\n")
    else:
        _print_explanation(found)


def _ask_live(url: str, port: int) -> explain.Explanation:
    place = f"http://127.0.0.1:{port}/explain?url={quote(url, safe='')}"
    try:
        with urlopen(place, timeout=10) as response:
            return msgspec.json.decode(response.read(), type=explain.Explanation)
    except URLError as error:
        if hasattr(error, "read"):
            raise _fail(error.read().decode().strip(), 2) from None
        message = f"no gateway answers on 127.0.0.1:{port} ({error.reason}); is it running? see --status-port"
        raise _fail(message) from None


def _print_explanation(found: explain.Explanation) -> None:
    _out.print(Text.assemble((found.url, "bold")))
    rows = (
        ("host", f"{found.host} ({found.host_why})" if found.host else found.host_why),
        ("certificate", found.certificate),
        ("answer", found.answer),
        ("object", found.object),
        ("backend", found.backend),
        ("endpoints", ", ".join(found.endpoints)),
        ("held back", ", ".join(found.held_back)),
    )
    for name, value in rows:
        if value:
            _out.print(Text.assemble((f"  {name:<12}", "cyan"), value))
    for policy in found.policies:
        _out.print(Text.assemble(("  policy      ", "cyan"), policy))
    for candidate in found.candidates:
        mark, style = ("->", "bold green") if candidate.chosen else ("  ", "dim")
        _out.print(Text(f"  {mark} {candidate.object}  {candidate.match}: {candidate.why}", style=style))
    for line in dict.fromkeys((*found.problems, *found.others)):
        _out.print(Text(f"   ! {line}", style="yellow"))


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
    if source not in reading.CONTROLLERS or output not in ("text", "json"):
        raise _fail(f"--from {source} -o {output}: write --from ingress-nginx or higress, -o text or json", 64)
    if to not in ("", "gateway-api") or gateway.count("/") != 1 or (out is not None and not to):
        raise _fail(f"--to {to} --gateway {gateway}: write --to gateway-api, --gateway namespace/name", 64)
    if bool(filename) == bool(kubeconfig):
        raise _fail("say where the objects are: either -f or --kubeconfig", 64)
    base, wanted, classes = _settings(config), reading.places(source, configmap or []), ingress_class or []
    try:
        if kubeconfig:
            scope = Scope(tuple(namespace or ()), namespace_selector)
            access = KubeConfig(str(kubeconfig))
            read = asyncio.run(reading.from_cluster(source, access, scope, base, wanted, classes))
        else:
            _must_exist(filename or [])
            read = reading.from_files(source, filename or [], base, wanted, classes)
    except (ConfigError, reading.UnansweredError, settings.SettingsError) as error:
        raise _fail(str(error), 64) from None
    problems = [*read.problems, *read.pipeline.problems()]
    found = migration.report(source, read.pipeline, problems, read.maps)
    if to:
        target = conversion.Wanted(source, Ref(*gateway.split("/")), gateway_class)
        found = _write_gateway_api(read.pipeline, target, out, found)
    said = _err if to and out is None else _out
    if output == "json":
        (sys.stderr if said is _err else sys.stdout).write(found.as_json().decode())
    else:
        _print_migration(found, said)
    raise typer.Exit(int(found.severity))


def _write_gateway_api(
    pipeline: Pipeline, wanted: conversion.Wanted, out: Path | None, report: findings.Report
) -> findings.Report:
    """Writes the objects, and adds to the report what they do not say, and what they answer differently."""
    made = conversion.convert(pipeline, wanted)
    try:
        if out is None:
            sys.stdout.write(writing.text(made.objects))
        else:
            writing.write(out, made.objects)
    except OSError as error:
        raise _fail(f"--out {out}: {error.strerror or error}", 64) from None
    new = checking.pipeline(pipeline, made.objects, wanted.class_name)
    more = (*made.findings, *checking.findings(pipeline, new, made.objects))
    return msgspec.structs.replace(report, findings=(*report.findings, *more))


def _print_migration(found: findings.Report, _out: Console) -> None:
    _out.print(f"from {found.source}: {found.ingresses} Ingresses, {found.hosts} hosts")
    counts = ", ".join(f"{found.count(it)} {it.name.lower()}" for it in findings.Severity)
    _out.print(f"annotations and keys: {counts}")
    style = {findings.Severity.REFUSED: "bold red", findings.Severity.DIFFERS: "yellow"}
    for group in findings.grouped(found.findings):
        head = (f"{group.severity.name.lower():<8}", style[group.severity])
        _out.print(Text.assemble(head, (group.field, "bold"), printable(f": {group.message}")))
        more = f" and {len(group.objects) - 3} more" if len(group.objects) > 3 else ""
        _out.print(Text(printable(f"         {', '.join(group.objects[:3])}{more}"), style="dim"))


@app.command("diff")
def compare(
    filename: Annotated[list[Path], typer.Option("-f", "--filename", help="Twice: the old folder, then the new one.")],
    output: Annotated[str, typer.Option("-o", "--output", help="text or json.")] = "text",
    config: Config = None,
    ingress_class: Classes = None,
) -> None:
    """Say which requests are answered differently by a second set of manifests; exit status 1 when there are any."""
    if len(filename) != 2 or output not in ("text", "json"):
        raise _fail("write -f OLD -f NEW, and -o text or json", 64)
    chosen = _settings(config, ingress_class)
    (old, _), (new, _) = (_loaded([path], chosen) for path in filename)
    found = diff.differences(old, new)
    if output == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found)).decode() + "\n")
    else:
        for one in found:
            more = f"  (and {one.requests - 1} like it)" if one.requests > 1 else ""
            _out.print(Text.assemble((printable(one.request), "bold"), more))
            for change in one.changes:
                _out.print(Text(printable(f"  - {change.aspect}: {change.old or 'none'}"), style="red"))
                _out.print(Text(printable(f"  + {change.aspect}: {change.new or 'none'}"), style="green"))
        _err.print(f"{len(found)} differences")
    raise typer.Exit(1 if found else 0)


@app.command()
def webhook(
    sidecar: Annotated[Path, typer.Option(help="What is added to a pod: container, volumes, accounts (YAML).")],
    authority: Annotated[
        Path | None, typer.Option(help="The certificate by which nodes know the control plane.")
    ] = None,
    certificate_dir: Annotated[Path | None, typer.Option(help="tls.crt and tls.key, kept by somebody else.")] = None,
    server_name: Annotated[
        str, typer.Option(help="The name that the API server asks for: service.namespace.svc.")
    ] = "",
    secret: Annotated[str, typer.Option(help="The Secret, as namespace/name, for a certificate of our own.")] = "",
    configuration: Annotated[str, typer.Option(help="The MutatingWebhookConfiguration that names us.")] = "",
    address: Annotated[str, typer.Option(help="The address to listen on.")] = "0.0.0.0",
    port: Annotated[int, typer.Option(help="Port of reviews (HTTPS).")] = 9443,
    status_port: Annotated[int, typer.Option(help="Port of health, readiness and metrics.")] = 8001,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    log_json: Annotated[bool, typer.Option("--log-json", help="Log as JSON lines.")] = False,
) -> None:
    """Review pods for the API server: those that ask get a node of the gateway as a sidecar."""
    observe.configure_logging(log_level, log_json)
    namespace, slash, name = secret.partition("/")
    if certificate_dir is None and not (server_name and slash and name and configuration):
        raise _fail("say --certificate-dir, or all of --server-name, --secret NAMESPACE/NAME, --configuration", 2)
    place = Place(namespace, name, server_name, configuration)
    read = functools.partial(webhook_server.sidecar, sidecar, authority)
    try:
        asyncio.run(webhook_server.serve(read, certificate_dir or place, address, port, status_port))
    except OSError as error:
        raise _fail(f"cannot listen on {address}: {error.strerror}") from None


@app.command()
def echo(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of HTTP/1.1, h2c and WebSocket; 0 lets the kernel choose.")] = 8090,
    grpc_port: Annotated[int | None, typer.Option(help="Port of gRPC; none by default.")] = None,
    name: Annotated[str, typer.Option(help="What the answers call this backend.")] = "echo",
) -> None:
    """Run a small backend that answers with what it received (HTTP/1.1, h2c, WebSocket, gRPC)."""
    logging.basicConfig(level=logging.WARNING)
    try:
        chosen = echo_server.EchoSettings(host=host, port=port, grpc_port=grpc_port, name=name)
        echo_server.run(
            chosen, lambda at: _err.print(f"{name}: {at.url}" + (f" grpc {at.grpc_target}" if at.grpc_target else ""))
        )
    except echo_server.EchoError as error:
        raise _fail(str(error)) from None


if __name__ == "__main__":
    app()
