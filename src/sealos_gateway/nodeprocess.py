"""The process of `sgw node`: what the command line becomes once it knows the settings.

A command line and its libraries are memory that a node would hold for as long as it lives, on every machine of the
cluster. So the command reads and checks everything, and then puts the same program in its own place, with the same
words (`ps` shows what was typed) and the settings in a file in memory. That one imports a node and nothing else.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import NoReturn

import msgspec

from sealos_gateway import logs
from sealos_gateway.settings import Settings

#: Names the descriptor of the file, in the environment of the new process alone.
VARIABLE = "SGW_NODE_LAUNCH"


class Launch(msgspec.Struct, frozen=True):
    """Everything that the command line found out."""

    settings: Settings
    log_level: str
    log_json: bool


def become(launch: Launch) -> NoReturn:
    """Go on as a node, in this process. Raises OSError when the program cannot be started again."""
    descriptor = os.memfd_create("sgw-node", 0)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(msgspec.json.encode(launch))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, VARIABLE: str(descriptor)})


def main(variable: str) -> None:
    """Run until SIGINT or SIGTERM; ends the process with status 1 when a person has to do something first."""
    launch = _launch(variable)
    logs.configure_logging(launch.log_level, launch.log_json)
    from sealos_gateway.agent import serve_node  # noqa: PLC0415
    from sealos_gateway.node import limits, privileges  # noqa: PLC0415
    from sealos_gateway.node.supervisor import SupervisorError  # noqa: PLC0415
    from sealos_gateway.settings import SettingsError  # noqa: PLC0415

    limits.bound_arenas()
    privileges.keep_low_ports()
    gc.freeze()  # what was imported stays
    try:
        asyncio.run(serve_node(launch.settings))
    except (SupervisorError, SettingsError) as error:
        sys.exit(f"error: {error}")


def _launch(variable: str) -> Launch:
    try:
        descriptor = int(variable)
        with open(descriptor, "rb") as file:
            file.seek(0)
            return msgspec.json.decode(file.read(), type=Launch)
    except (ValueError, OSError, msgspec.DecodeError) as error:
        sys.exit(f"error: {VARIABLE} is set by `sgw node` for itself: unset it ({error})")
