"""The program itself: its name and help, where it prints, and how it ends."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="Sealos Gateway: Kubernetes objects in, live traffic through Envoy out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def stdout() -> Console:
    """Standard output, for people."""
    return _console(False)


def stderr() -> Console:
    """Standard error, for people."""
    return _console(True)


@functools.cache
def _console(stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=True, highlight=False)


def fail(message: str, status: int = 1) -> typer.Exit:
    """Says what is wrong; the exception to be raised."""
    from rich.text import Text

    stderr().print(Text.assemble(("error: ", "bold red"), message))
    return typer.Exit(status)
