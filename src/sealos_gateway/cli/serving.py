"""The commands that serve until they are told to stop: `run`, `control`, `node`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sealos_gateway.cli.options import (
    Classes,
    Config,
    EnrolPort,
    HttpPort,
    HttpsPort,
    InPod,
    Kubeconfig,
    LogJson,
    LogLevel,
    Namespaces,
    Selector,
    Sources,
    State,
    Status,
    Workers,
    XdsPort,
    must_exist,
    settings_of,
)
from sealos_gateway.cli.program import app, fail

if TYPE_CHECKING:
    from sealos_gateway import objects
    from sealos_gateway.kube.sync import Scope
    from sealos_gateway.settings import Settings


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
    from sealos_gateway import logs, main
    from sealos_gateway.node import privileges

    chosen = settings_of(
        config, ingress_class, http_port=http_port, https_port=https_port, status_port=status_port, state_dir=state_dir,
        concurrency=concurrency, log_json=log_json or None,
    )  # fmt: skip
    logs.configure_logging(log_level, chosen.log_json)
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
    from sealos_gateway import logs, main

    chosen = settings_of(
        config, ingress_class, http_port=http_port, https_port=https_port, status_port=status_port, state_dir=state_dir,
        xds_port=xds_port, enrol_port=enrol_port, log_json=log_json or None,
    )  # fmt: skip
    logs.configure_logging(log_level, chosen.log_json)
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
    import msgspec

    from sealos_gateway.nodeprocess import Launch, become

    chosen = settings_of(
        config, status_port=status_port, state_dir=state_dir, xds_port=xds_port, enrol_port=enrol_port,
        concurrency=concurrency, log_json=log_json or None,
    )  # fmt: skip
    if control is not None:
        chosen = msgspec.structs.replace(chosen, node=msgspec.structs.replace(chosen.node, control=control))
    become(Launch(chosen, log_level, chosen.log_json))


def _scope(namespaces: list[str] | None, selector: str) -> Scope:
    from sealos_gateway.kube.sync import Scope

    if namespaces and selector:
        raise fail("either --namespace or --namespace-selector", 2)
    return Scope(tuple(namespaces or ()), selector)


def _go(command: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run until it is told to stop; what a person can act on is said in one line."""
    import asyncio

    from sealos_gateway.control.server import PortError
    from sealos_gateway.kube.config import ConfigError
    from sealos_gateway.node.supervisor import SupervisorError
    from sealos_gateway.settings import SettingsError

    try:
        asyncio.run(command())
    except (SupervisorError, PortError, SettingsError, ConfigError) as error:
        raise fail(str(error)) from None


async def _with(
    serve: Callable[[Settings, objects.Objects], Coroutine[Any, Any, None]], chosen: Settings, source: objects.Objects
) -> None:
    from sealos_gateway import objects

    if isinstance(source, objects.Cluster):
        await source.check()
    await serve(chosen, source)


def _source(
    chosen: Settings, paths: list[Path], kubeconfig: Path | None, in_cluster: bool, scope: Scope
) -> objects.Objects:
    """The one place where objects come from."""
    from sealos_gateway import objects
    from sealos_gateway.kube.config import InCluster, KubeConfig

    if bool(paths) + bool(kubeconfig) + in_cluster != 1:
        raise fail("say where the objects are: one of -f, --kubeconfig, --in-cluster", 2)
    if not paths:
        access = KubeConfig(str(kubeconfig)) if kubeconfig else InCluster()
        return objects.Cluster(access, scope, chosen.kubernetes)
    must_exist(paths)
    return objects.Folder(paths)
