"""Options that several commands have, and the settings that they make together with the settings file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sealos_gateway.cli.program import fail

if TYPE_CHECKING:
    from sealos_gateway.files import source as files
    from sealos_gateway.pipeline import Pipeline
    from sealos_gateway.settings import Settings

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


def settings_of(config: Path | None, classes: list[str] | None = None, **overrides: Any) -> Settings:
    """The file's settings, with those of the command line in their place. Exit status 2 when they are bad."""
    import msgspec

    from sealos_gateway import settings

    try:
        found = settings.load(config)
    except settings.SettingsError as error:
        raise fail(str(error), 2) from None
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
        raise fail(str(error), 2) from None
    return chosen


def must_exist(paths: list[Path]) -> None:
    """Exit status 2 when one is not there."""
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise fail(f"{', '.join(missing)}: no such file or folder", 2)


def loaded(paths: list[Path], chosen: Settings) -> tuple[Pipeline, files.Source]:
    """A settled pipeline over the manifests, for the commands that only look."""
    from sealos_gateway import settings
    from sealos_gateway.files import source as files
    from sealos_gateway.pipeline import Pipeline

    must_exist(paths)
    try:
        pipeline = Pipeline(chosen)
    except settings.SettingsError as error:
        raise fail(str(error), 2) from None
    source = files.Source(paths)
    for kind, ref, resource in source.load().puts:
        pipeline.put(kind, ref, resource)
    pipeline.settle()
    return pipeline, source
