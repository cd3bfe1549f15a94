"""The commands beside the gateway: `webhook` for pods that ask for a node, `echo` as a backend to play with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sealos_gateway.cli.program import app, fail, stderr


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
    import asyncio
    import functools

    from sealos_gateway import logs
    from sealos_gateway.webhook import server as webhook_server
    from sealos_gateway.webhook.certificate import Place

    logs.configure_logging(log_level, log_json)
    namespace, slash, name = secret.partition("/")
    if certificate_dir is None and not (server_name and slash and name and configuration):
        raise fail("say --certificate-dir, or all of --server-name, --secret NAMESPACE/NAME, --configuration", 2)
    place = Place(namespace, name, server_name, configuration)
    read = functools.partial(webhook_server.sidecar, sidecar, authority)
    try:
        asyncio.run(webhook_server.serve(read, certificate_dir or place, address, port, status_port))
    except OSError as error:
        raise fail(f"cannot listen on {address}: {error.strerror}") from None


@app.command()
def echo(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of HTTP/1.1, h2c and WebSocket; 0 lets the kernel choose.")] = 8090,
    grpc_port: Annotated[int | None, typer.Option(help="Port of gRPC; none by default.")] = None,
    name: Annotated[str, typer.Option(help="What the answers call this backend.")] = "echo",
) -> None:
    """Run a small backend that answers with what it received (HTTP/1.1, h2c, WebSocket, gRPC)."""
    import logging

    from sealos_gateway.echo import server as echo_server

    logging.basicConfig(level=logging.WARNING)
    try:
        chosen = echo_server.EchoSettings(host=host, port=port, grpc_port=grpc_port, name=name)
        echo_server.run(
            chosen,
            lambda at: stderr().print(f"{name}: {at.url}" + (f" grpc {at.grpc_target}" if at.grpc_target else "")),
        )
    except echo_server.EchoError as error:
        raise fail(str(error)) from None
