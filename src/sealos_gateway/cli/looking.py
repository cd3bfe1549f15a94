"""The commands that only look: `translate`, `check`, `explain`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealos_gateway.cli.options import Classes, Config, Manifests, loaded, settings_of
from sealos_gateway.cli.program import app, fail, stderr, stdout

if TYPE_CHECKING:
    from sealos_gateway.explain import Explanation


@app.command()
def translate(
    filename: Manifests,
    output: Annotated[str, typer.Option("-o", "--output", help="json or yaml.")] = "yaml",
    config: Config = None,
    ingress_class: Classes = None,
) -> None:
    """Print the Envoy resources, per object; private keys are left out."""
    if output not in ("json", "yaml"):
        raise fail(f"-o {output}: write json or yaml", 2)
    import json

    import yaml

    from sealos_gateway import dump

    pipeline, _ = loaded(filename, settings_of(config, ingress_class))
    found = dump.per_object(pipeline)
    if output == "json":
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=120))


@app.command()
def check(filename: Manifests, config: Config = None, ingress_class: Classes = None) -> None:
    """Print every problem with object, field and reason; exit status 1 when there is one."""
    from rich.text import Text

    from sealos_gateway.model.problem import printable

    pipeline, source = loaded(filename, settings_of(config, ingress_class))
    problems = [*source.problems, *pipeline.problems()]
    for problem in problems:
        place = f" {problem.field}" if problem.field else ""
        reason = (problem.reason, "red")
        message = printable(f": {problem.message}")
        stdout().print(Text.assemble((str(problem.origin), "bold"), printable(place), ": ", reason, message))
    served = f"{len(pipeline.host_keys())} hosts, {len(pipeline.backends)} backends"
    stderr().print(f"{len(problems)} problems; {served}")
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
    import msgspec

    from sealos_gateway import explain

    if live == bool(filename):
        raise fail("say where to look: either -f DIR or --live", 2)
    if live:
        found = _ask_live(url, status_port)
    else:
        pipeline, _ = loaded(filename or [], settings_of(config, ingress_class))
        try:
            found = explain.explain(url, pipeline)
        except explain.UrlError as error:
            raise fail(str(error), 2) from None
    if output == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found)).decode() + "\n")
    else:
        _print_explanation(found)


def _ask_live(url: str, port: int) -> Explanation:
    from urllib.error import URLError
    from urllib.parse import quote
    from urllib.request import urlopen

    import msgspec

    from sealos_gateway.explain import Explanation

    place = f"http://127.0.0.1:{port}/explain?url={quote(url, safe='')}"
    try:
        with urlopen(place, timeout=10) as response:
            return msgspec.json.decode(response.read(), type=Explanation)
    except URLError as error:
        if hasattr(error, "read"):
            raise fail(error.read().decode().strip(), 2) from None
        message = f"no gateway answers on 127.0.0.1:{port} ({error.reason}); is it running? see --status-port"
        raise fail(message) from None


def _print_explanation(found: Explanation) -> None:
    from rich.text import Text

    stdout().print(Text.assemble((found.url, "bold")))
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
            stdout().print(Text.assemble((f"  {name:<12}", "cyan"), value))
    for policy in found.policies:
        stdout().print(Text.assemble(("  policy      ", "cyan"), policy))
    for candidate in found.candidates:
        mark, style = ("->", "bold green") if candidate.chosen else ("  ", "dim")
        stdout().print(Text(f"  {mark} {candidate.object}  {candidate.match}: {candidate.why}", style=style))
    for line in dict.fromkeys((*found.problems, *found.others)):
        stdout().print(Text(f"   ! {line}", style="yellow"))
