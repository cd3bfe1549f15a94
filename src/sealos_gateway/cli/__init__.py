"""The command line `sgw`: a file for each kind of command, in the order in which `--help` lists them.

What a command needs is imported when it runs, never when its file is read: `sgw --help` and the start of every command
cost only what they say. So imports inside of functions are the rule in this folder.
"""

from sealos_gateway.cli import serving, looking, migrating, helping  # noqa: I001  (their order is that of the help)
from sealos_gateway.cli.program import app

__all__ = ["app", "helping", "looking", "migrating", "serving"]
